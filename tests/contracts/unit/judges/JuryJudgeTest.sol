// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Checks} from "../../utils/Checks.sol";
import {Juries, JuryTerms} from "../../utils/Juries.sol";
import {HubDouble} from "./HubDouble.sol";
import {IJudge} from "contracts/interfaces/IJudge.sol";
import {JuryJudge} from "contracts/judges/JuryJudge.sol";
import {TestToken} from "contracts/periphery/TestToken.sol";
import {Challenge} from "contracts/types/Challenge.sol";
import {Juror} from "contracts/types/Jury.sol";
import {Commitment} from "contracts/types/Membership.sol";
import {TaskParams} from "contracts/types/Task.sol";

/// @title A jury of three with 100 s to commit and 50 s to reveal, without appeal
abstract contract JuryJudgeTest is Checks {
    address internal constant NODE = address(0xA11CE);
    address internal constant CHALLENGER = address(0xB0B);
    uint256 internal constant ID = 7;
    uint96 internal constant STAKE = 400;
    uint96 internal constant PENALTY = 100;
    uint40 internal constant OPENED_AT = 10_000;
    uint256 internal constant OPENED_IN = 500;
    bytes32 internal constant SALT = keccak256("salt");

    mapping(uint256 id => uint40) internal deadlines;
    HubDouble internal hub;
    TestToken internal token;
    JuryJudge internal judge;

    function setUp() public virtual {
        vm.warp(OPENED_AT);
        vm.roll(OPENED_IN);
        hub = new HubDouble();
        token = new TestToken();
        judge = Juries.deploy(address(hub), address(token), terms());
    }

    function terms() internal pure virtual returns (JuryTerms memory) {
        return JuryTerms({
            jurySize: 3,
            maxAppeals: 0,
            commitSeconds: 100,
            revealSeconds: 50,
            appealSeconds: 0,
            graceSeconds: 1,
            jurorStake: STAKE
        });
    }

    /// @dev Two phases a round, an appeal window between rounds, and the grace.
    function neededSeconds() internal pure returns (uint32) {
        JuryTerms memory t = terms();
        uint32 round = t.commitSeconds + t.revealSeconds;
        return round + uint32(t.maxAppeals) * (t.appealSeconds + round) + t.graceSeconds;
    }

    function registerJurors(uint256 count) internal {
        for (uint256 i = 0; i < count; ++i) {
            register(jurorAt(i));
        }
    }

    function register(address juror) internal {
        register(juror, 1);
    }

    function register(address juror, uint32 places) internal {
        fund(juror, uint256(places) * STAKE);
        vm.prank(juror);
        judge.register(places);
    }

    function fund(address account, uint256 amount) internal {
        token.mint(account, amount);
        vm.prank(account);
        token.approve(address(judge), amount);
    }

    function resign(address juror) internal {
        vm.prank(juror);
        judge.resign();
    }

    function jurorAt(uint256 i) internal pure returns (address) {
        return address(uint160(0x1000 + i));
    }

    function open() internal {
        open(ID, neededSeconds());
    }

    function open(uint256 id, uint32 disputeSeconds) internal {
        TaskParams memory p;
        p.disputeSeconds = disputeSeconds;
        Commitment memory c;
        Challenge memory opened = challengeOf(id);
        opened.deadline = uint40(block.timestamp + disputeSeconds);
        deadlines[id] = opened.deadline;
        hub.ask(judge, opened, p, c, "evidence");
    }

    function challengeOf(uint256 id) internal view returns (Challenge memory opened) {
        opened.node = NODE;
        opened.judge = address(judge);
        opened.challenger = CHALLENGER;
        opened.deadline = deadlines[id];
        opened.evidenceHash = bytes32(id);
    }

    function close(uint256 id) internal {
        judge.close(challengeOf(id));
    }

    /// @dev A trial with `jurors` registered, the jury drawn in the block after.
    function summonFrom(uint256 jurors) internal returns (address[] memory) {
        registerJurors(jurors);
        open();
        return summon();
    }

    /// @dev The jury of the round that is on, drawn in the next block.
    function summon() internal returns (address[] memory) {
        vm.roll(block.number + 1);
        judge.summon(ID);
        return judge.juryOf(ID, roundNumber());
    }

    function roundNumber() internal view returns (uint8) {
        return judge.trialOf(ID).round;
    }

    function seatsOf(address juror) internal view returns (uint256) {
        return judge.ballotOf(ID, roundNumber(), juror).seats;
    }

    function commitVote(address juror, bool guilty) internal {
        bytes32 voteHash = keccak256(abi.encode(ID, roundNumber(), juror, guilty, SALT));
        vm.prank(juror);
        judge.commitVote(ID, voteHash);
    }

    function revealVote(address juror, bool guilty) internal {
        vm.prank(juror);
        judge.revealVote(ID, guilty, SALT);
    }

    /// @dev Votes of 'g'uilty, 'n'ot guilty, 'c'ommitted only, '-' nothing, in the round that is on; those missing at the
    /// end are like the last. Time stands at the commit deadline afterwards.
    function vote(address[] memory jury, bytes memory votes) internal {
        for (uint256 i = 0; i < jury.length; ++i) {
            if (letter(votes, i) != "-") commitVote(jury[i], letter(votes, i) == "g");
        }
        vm.warp(judge.roundOf(ID, roundNumber()).commitDeadline);
        for (uint256 i = 0; i < jury.length; ++i) {
            bytes1 choice = letter(votes, i);
            if (choice == "g" || choice == "n") revealVote(jury[i], choice == "g");
        }
    }

    function letter(bytes memory votes, uint256 i) internal pure returns (bytes1) {
        return votes[i < votes.length ? i : votes.length - 1];
    }

    function stakeOf(address juror) internal view returns (uint256) {
        return judge.jurorOf(juror).stake;
    }

    function assertJuror(address account, uint256 stake, uint256 places) internal view {
        Juror memory juror = judge.jurorOf(account);
        assertEq(juror.stake, stake);
        assertEq(juror.places, places);
    }

    /// @dev Every place knows its juror, every juror its places, and there are no others.
    function assertPlacesAgree(uint256 jurors) internal view {
        uint256 places = 0;
        for (uint256 i = 0; i < jurors; ++i) {
            uint256 held = judge.jurorOf(jurorAt(i)).places;
            for (uint256 index = 0; index < held; ++index) {
                uint256 position = judge.positionOf(jurorAt(i), index);
                assertEq(judge.placeAt(position).juror, jurorAt(i));
                assertEq(judge.placeAt(position).index, index);
            }
            places += held;
        }
        assertEq(judge.poolSize(), places);
    }

    function assertVerdict(IJudge.Verdict verdict) internal view {
        assertEq(hub.verdicts(), 1);
        assertEq(uint256(hub.answer()), uint256(verdict));
    }

    /// @dev Every token the judge holds is a stake, a credit, or waits to be burned.
    function assertSolvent(uint256 jurors) internal view {
        uint256 owed = judge.toBurn();
        owed += judge.credit(NODE) + judge.credit(CHALLENGER);
        for (uint256 i = 0; i < jurors; ++i) {
            owed += stakeOf(jurorAt(i)) + judge.credit(jurorAt(i));
        }
        assertEq(token.balanceOf(address(judge)), owed);
    }
}
