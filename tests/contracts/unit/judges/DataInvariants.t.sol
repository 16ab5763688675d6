// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Checks} from "../../utils/Checks.sol";
import {DataJudgeTest} from "./DataJudgeTest.sol";
import {HubDouble} from "./HubDouble.sol";
import {DataJudge} from "contracts/judges/DataJudge.sol";
import {RolloutLeaf} from "contracts/libraries/RolloutLeaves.sol";
import {Challenge, ChallengeStatus} from "contracts/types/Challenge.sol";
import {Demand, DemandKind} from "contracts/types/Demand.sol";
import {Commitment} from "contracts/types/Membership.sol";

/// @title Challengers, an accused and its friends that call anything at any time, at any base fee
/// @dev Calls that the judge refuses are part of the walk.
contract DataWalk is DataJudgeTest {
    uint256 public constant ACTORS = 4;
    uint256 public answered;
    uint256 public convicted;
    uint256 public givenUp;
    /// @dev Demands that were answerable but refused the true answer, or closable and stayed open.
    uint256 public stuck;

    Challenge[] private _challenges;
    Demand[] private _demands;
    RolloutLeaf[] private _leaves;
    Commitment private _commitment;

    constructor() {
        setUp();
        RolloutLeaf[] memory leaves = honest(UNITS);
        for (uint256 i = 0; i < UNITS; ++i) {
            _leaves.push(leaves[i]);
        }
        _commitment = commitmentTo(leaves);
    }

    function depositSome(uint256 who, uint64 amount) external {
        depositFor(actorAt(who), amount);
    }

    function withdrawSome(uint256 who, uint256 amount) external {
        address actor = actorAt(who);
        amount = bound(amount, 0, judge.credit(actor));
        vm.prank(actor);
        judge.withdraw(amount);
    }

    function demandSome(uint256 who, uint256 kind, uint256 index, uint256 chunk) external {
        DemandKind asked = DemandKind(bound(kind, 1, 5));
        bool ofChunk = asked == DemandKind.Tokens || asked == DemandKind.Proof;
        index = asked == DemandKind.Manifest ? 0 : index % UNITS;
        bytes memory evidence = evidenceOf(asked, index, ofChunk ? chunk % 3 : 0);
        Challenge memory challenge = challengeOf(evidence);
        challenge.challenger = actorAt(who);
        challenge.deadline = uint40(block.timestamp) + 150;
        challenge.evidenceHash = bytes32(_challenges.length);
        Demand memory demand = demandOf(_commitment, asked, index, ofChunk ? chunk % 3 : 0);
        demand.answerBy = uint40(block.timestamp) + 100;
        demand.price = demand.price / BASE_FEE * block.basefee;
        try hub.ask(judge, challenge, params(), _commitment, evidence) {
            _challenges.push(challenge);
            _demands.push(demand);
        } catch {
            if (judge.credit(challenge.challenger) >= demand.price) ++stuck;
        }
    }

    function answerSome(uint256 which, uint256 who) external {
        if (_challenges.length == 0) return;
        which %= _challenges.length;
        bool wanted = judge.demandHash(which) != 0 && block.timestamp < _demands[which].answerBy
            && hub.challengeStatus(which) == ChallengeStatus.Pending;
        try this.answerAs(which, actorAt(who)) {
            assertTrue(wanted);
            ++answered;
        } catch {
            if (wanted) ++stuck;
        }
    }

    /// @dev A call, so that a refusal can be caught.
    function answerAs(uint256 which, address actor) external {
        vm.startPrank(actor);
        answer(_challenges[which], _demands[which], _leaves);
        vm.stopPrank();
    }

    function closeSome(uint256 which) external {
        if (_challenges.length == 0) return;
        which %= _challenges.length;
        bool pending = hub.challengeStatus(which) == ChallengeStatus.Pending;
        bool due = !pending || block.timestamp >= _demands[which].answerBy;
        bool wanted = judge.demandHash(which) != 0 && due;
        try judge.close(_challenges[which], _demands[which]) {
            assertTrue(wanted);
            if (hub.challengeStatus(which) == ChallengeStatus.Guilty) ++convicted;
            else ++givenUp;
        } catch {
            if (wanted) ++stuck;
        }
    }

    function moot(uint256 which) external {
        if (_challenges.length == 0) return;
        which %= _challenges.length;
        if (hub.challengeStatus(which) != ChallengeStatus.Pending) return;
        hub.setChallengeStatus(which, ChallengeStatus.Moot);
    }

    function know(uint256 who, bool known) external {
        hub.setCredit(TOKEN, actorAt(who), known ? 1 : 0);
    }

    function pass(uint256 time, uint256 fee) external {
        vm.warp(block.timestamp + bound(time, 1, 60));
        vm.fee(bound(fee, 0, 100 gwei));
    }

    /// @dev Ends whatever is open, long after every deadline.
    function closeAll() external {
        vm.warp(block.timestamp + 150);
        for (uint256 id = 0; id < _challenges.length; ++id) {
            if (judge.demandHash(id) != 0) judge.close(_challenges[id], _demands[id]);
        }
    }

    function demands() external view returns (uint256) {
        return _challenges.length;
    }

    /// @dev Sum of the prices of open demands.
    function held() external view returns (uint256 sum) {
        for (uint256 id = 0; id < _demands.length; ++id) {
            if (judge.demandHash(id) != 0) sum += _demands[id].price;
        }
    }

    function credits() external view returns (uint256 sum) {
        sum = judge.credit(judge.BURN());
        for (uint256 i = 0; i < ACTORS; ++i) {
            sum += judge.credit(actorAt(i));
        }
    }

    function judgeAndHub() external view returns (DataJudge, HubDouble) {
        return (judge, hub);
    }

    function actorAt(uint256 i) private pure returns (address) {
        return [CHALLENGER, NODE, FRIEND, address(0xE5E)][i % ACTORS];
    }
}

contract DataInvariantsTest is Checks {
    DataWalk internal walk;
    DataJudge internal judge;
    HubDouble internal hub;

    function setUp() public {
        walk = new DataWalk();
        (judge, hub) = walk.judgeAndHub();
    }

    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(walk);
    }

    /// @dev What is only for the walk itself, or would end it.
    function excludeSelectors() external view returns (FuzzSelector[] memory excluded) {
        excluded = new FuzzSelector[](1);
        excluded[0].addr = address(walk);
        excluded[0].selectors = new bytes4[](3);
        excluded[0].selectors[0] = DataJudgeTest.setUp.selector;
        excluded[0].selectors[1] = DataWalk.answerAs.selector;
        excluded[0].selectors[2] = DataWalk.closeAll.selector;
    }

    struct FuzzSelector {
        address addr;
        bytes4[] selectors;
    }

    /// @dev The walk can do all that the invariants speak of.
    function test_TheWalkReachesEveryOutcome() external {
        for (uint256 i = 0; i < 3; ++i) {
            walk.demandSome(0, 1 + i, i, i);
        }
        walk.answerSome(0, 2);
        walk.answerSome(0, 2);
        walk.moot(1);
        walk.answerSome(1, 2);
        walk.closeSome(1);
        walk.closeSome(2);
        walk.pass(60, 0);
        walk.pass(40, 0);
        walk.closeSome(2);
        assertEq(walk.demands(), 3);
        assertEq(walk.answered(), 1);
        assertEq(walk.givenUp(), 1);
        assertEq(walk.convicted(), 1);
        assertEq(walk.stuck(), 0);
    }

    function invariant_EveryCoinIsACreditOrAnOpenPrice() external view {
        assertEq(address(judge).balance, walk.credits() + walk.held());
    }

    function invariant_NothingGetsStuck() external view {
        assertEq(walk.stuck(), 0);
        assertEq(hub.verdicts(), walk.answered() + walk.convicted());
    }

    /// @dev Whatever happened, every demand can be ended, and nothing is left that is nobody's.
    function invariant_EveryDemandEnds() external {
        uint256 snapshot = vm.snapshotState();
        walk.closeAll();
        assertEq(walk.held(), 0);
        assertEq(address(judge).balance, walk.credits());
        vm.revertToState(snapshot);
    }
}
