// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Checks} from "../../utils/Checks.sol";
import {HubDouble} from "./HubDouble.sol";
import {IJudge} from "contracts/interfaces/IJudge.sol";
import {JuryJudge} from "contracts/judges/JuryJudge.sol";
import {TestToken} from "contracts/periphery/TestToken.sol";
import {Challenge} from "contracts/types/Challenge.sol";
import {Trial} from "contracts/types/Jury.sol";
import {Commitment} from "contracts/types/Membership.sol";
import {TaskParams} from "contracts/types/Task.sol";

/// @title A jury of three with 100 s to commit and 50 s to reveal
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
        judge = new JuryJudge(address(hub), address(token), 3, 100, 50, STAKE);
    }

    function registerJurors(uint256 count) internal {
        for (uint256 i = 0; i < count; ++i) {
            register(jurorAt(i));
        }
    }

    function register(address juror) internal {
        token.mint(juror, STAKE);
        vm.prank(juror);
        token.approve(address(judge), STAKE);
        vm.prank(juror);
        judge.register();
    }

    function jurorAt(uint256 i) internal pure returns (address) {
        return address(uint160(0x1000 + i));
    }

    function open() internal {
        open(ID, 151);
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
        vm.roll(OPENED_IN + 1);
        judge.summon(ID);
        return judge.juryOf(ID);
    }

    function commitVote(address juror, bool guilty) internal {
        bytes32 voteHash = keccak256(abi.encode(ID, juror, guilty, SALT));
        vm.prank(juror);
        judge.commitVote(ID, voteHash);
    }

    function revealVote(address juror, bool guilty) internal {
        vm.prank(juror);
        judge.revealVote(ID, guilty, SALT);
    }

    /// @dev Votes of 'g'uilty, 'n'ot guilty, 'c'ommitted only, '-' nothing.
    function vote(address[] memory jury, bytes memory votes) internal {
        for (uint256 i = 0; i < jury.length; ++i) {
            if (votes[i] != "-") commitVote(jury[i], votes[i] == "g");
        }
        vm.warp(OPENED_AT + 100);
        for (uint256 i = 0; i < jury.length; ++i) {
            if (votes[i] == "g" || votes[i] == "n") revealVote(jury[i], votes[i] == "g");
        }
    }

    function stakeOf(address juror) internal view returns (uint256) {
        return judge.jurorOf(juror).stake;
    }

    /// @dev Every token the judge holds is a stake or waits to be burned.
    function assertSolvent(uint256 jurors) internal view {
        uint256 owed = judge.toBurn();
        for (uint256 i = 0; i < jurors; ++i) {
            owed += stakeOf(jurorAt(i));
        }
        assertEq(token.balanceOf(address(judge)), owed);
    }
}
