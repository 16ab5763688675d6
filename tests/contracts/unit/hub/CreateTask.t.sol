// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Base} from "../../Base.t.sol";
import {FeeToken, FreezableToken} from "../../mocks/Tokens.sol";
import {IHubErrors} from "contracts/interfaces/IHubErrors.sol";
import {TestToken} from "contracts/periphery/TestToken.sol";
import {Pinned, Task, TaskParams} from "contracts/types/Task.sol";

contract CreateTaskTest is Base {
    function setUp() public override {
        super.setUp();
        fund(CREATOR, BOUNTY);
    }

    function submit(TaskParams memory p) internal returns (bytes32) {
        vm.prank(CREATOR);
        return hub.createTask(p, UNITS);
    }

    function refuses(TaskParams memory p, bytes32 name) internal returns (TaskParams memory) {
        expectBadParameter(name);
        submit(p);
        return params();
    }

    function test_storesMoneyAndSchedule() public {
        TaskParams memory p = params();
        bytes32 id = keccak256(abi.encode(block.chainid, address(hub), p));
        assertEq(hub.taskIdOf(p), id, "id before");
        vm.expectEmit(address(hub));
        emit TaskCreated(id, CREATOR, p, UNITS);
        task = submit(p);
        assertEq(task, id, "id");

        Task memory stored = hub.taskOf(id);
        assertEq(stored.units, UNITS, "units");
        assertEq(stored.reserved, 0, "reserved");
        assertEq(stored.start, START, "start");
        assertEq(stored.roundSeconds, ROUND_SECONDS, "roundSeconds");
        assertEq(stored.commitSeconds, COMMIT_SECONDS, "commitSeconds");
        assertEq(stored.rounds, ROUNDS, "rounds");
        assertEq(stored.unitsPerRound, UNITS_PER_ROUND, "unitsPerRound");
        assertTotals(BOUNTY, 0, 0, 0);
    }

    function test_idBindsEveryField() public {
        TaskParams memory p = params();
        bytes32 id = hub.taskIdOf(p);
        p.maxStaleness += 1;
        assertTrue(hub.taskIdOf(p) != id, "another staleness, another id");
        p = params();
        p.judges = judges(2);
        assertTrue(hub.taskIdOf(p) != id, "another list of judges, another id");
        p = params();
        vm.chainId(99);
        assertTrue(hub.taskIdOf(p) != id, "another chain, another id");
    }

    function test_onlyByTheCreator() public {
        TaskParams memory p = params();
        expect(IHubErrors.Hub_NotCreator.selector, uint160(STRANGER), uint160(CREATOR));
        vm.prank(STRANGER);
        hub.createTask(p, UNITS);
    }

    function test_onlyOnce() public {
        TaskParams memory p = params();
        bytes32 id = submit(p);
        expect(IHubErrors.Hub_TaskExists.selector, uint256(id));
        submit(p);
    }

    function test_needsABounty() public {
        TaskParams memory p = params();
        expect(IHubErrors.Hub_AmountZero.selector);
        vm.prank(CREATOR);
        hub.createTask(p, 0);
    }

    function test_schedule() public {
        TaskParams memory p = params();
        p.start = NOW - 1;
        p = refuses(p, "start");
        p.roundSeconds = 0;
        p = refuses(p, "roundSeconds");
        p.commitSeconds = 0;
        p = refuses(p, "commitSeconds");
        p.commitSeconds = ROUND_SECONDS + 1;
        p = refuses(p, "commitSeconds");
        p.rounds = 0;
        p = refuses(p, "rounds");
        p.rounds = 2 ** 24;
        p = refuses(p, "rounds");
        p.challengeWindow = 0;
        p = refuses(p, "challengeWindow");
        p.disputeSeconds = 0;
        p = refuses(p, "disputeSeconds");
        p.start = type(uint40).max - ROUNDS * ROUND_SECONDS - SETTLING + 1;
        p = refuses(p, "end");
    }

    function test_scheduleAtItsBounds() public {
        TaskParams memory p = params();
        p.start = type(uint40).max - ROUNDS * ROUND_SECONDS - SETTLING;
        p.commitSeconds = ROUND_SECONDS;
        submit(p);
    }

    function test_startsNowOrLater() public {
        TaskParams memory p = params();
        p.start = NOW;
        submit(p);
        p.start = NOW + 1;
        fund(CREATOR, BOUNTY);
        submit(p);
    }

    function test_noTaskIsAllZero() public view {
        assertEq(keccak256(abi.encode(hub.taskOf("none"))), keccak256(new bytes(224)), "zero");
    }

    function test_work() public {
        TaskParams memory p = params();
        p.problemsPerRound = 0;
        p = refuses(p, "problemsPerRound");
        p.groupSize = 0;
        p = refuses(p, "groupSize");
        p.groupSize = 2 ** 22;
        p = refuses(p, "unitsPerRound");
        p.problemsPerRound = type(uint32).max;
        p.groupSize = type(uint32).max;
        p = refuses(p, "unitsPerRound");
        p.problemCount = p.problemsPerRound - 1;
        p = refuses(p, "problemCount");
        p.chunkTokens = 0;
        p = refuses(p, "chunkTokens");
        p.topk = 0;
        p = refuses(p, "topk");
        p.maxTokens = 0;
        p = refuses(p, "maxTokens");
    }

    function test_workAtItsBounds() public {
        TaskParams memory p = params();
        p.problemsPerRound = 5;
        p.problemCount = 5;
        p.groupSize = type(uint24).max / 5;
        submit(p);
        assertEq(hub.taskOf(hub.taskIdOf(p)).unitsPerRound, type(uint24).max, "unitsPerRound");
    }

    function test_money() public {
        TaskParams memory p = params();
        p.token = address(0);
        p = refuses(p, "token");
        p.rate = 0;
        p = refuses(p, "rate");
        p.stake = 0;
        p = refuses(p, "stake");
        p.bond = 0;
        p = refuses(p, "bond");
        p.bond = type(uint96).max - STAKE + 1;
        p = refuses(p, "bond");
    }

    function test_moneyAtItsBounds() public {
        TaskParams memory p = params();
        p.bond = type(uint96).max - STAKE;
        submit(p);
    }

    function test_judges() public {
        TaskParams memory p = params();
        p.judges[0] = Pinned(address(0), 0);
        p = refuses(p, "judges");
        p.judges[1].codeHash = keccak256("code");
        p = refuses(p, "judges");
        p.judges[2] = p.judges[0];
        p = refuses(p, "judges");
        p.rewardRule.codeHash = keccak256("code");
        p = refuses(p, "rewardRule");
        for (uint256 count = 1; count <= 4; ++count) {
            fund(CREATOR, BOUNTY);
            p.judges = judges(count);
            submit(p);
        }
    }

    function judges(uint256 count) internal view returns (Pinned[4] memory list) {
        for (uint256 i = 0; i < count; ++i) {
            list[i] = params().judges[0];
        }
    }

    function test_judgeMustHaveTheNamedCode() public {
        TaskParams memory p = params();
        bytes32 actual = address(judge).codehash;
        p.judges[0].codeHash = keccak256("code");
        p = refusesCode(p, address(judge), keccak256("code"), actual);

        // An account without code has the hash of nothing, or none.
        vm.prank(STRANGER);
        token.approve(address(hub), 1);
        p.judges[0] = Pinned(STRANGER, STRANGER.codehash);
        p = refusesCode(p, STRANGER, STRANGER.codehash, STRANGER.codehash);

        p.judges = judges(2);
        p.judges[1].codeHash = 0;
        p = refusesCode(p, address(judge), 0, actual);
    }

    function test_judgeMustNotBeTheCreator() public {
        TaskParams memory p = params();
        for (uint256 i = 0; i < 4; ++i) {
            p.judges = judges(i);
            p.judges[i].code = CREATOR;
            p = refuses(p, "judges");
        }
    }

    function test_rewardRuleMustHaveTheNamedCode() public {
        TaskParams memory p = params();
        p.rewardRule = Pinned(address(token), address(token).codehash);
        submit(p);
        p.rewardRule.codeHash = 0;
        p = refusesCode(p, address(token), 0, address(token).codehash);
    }

    function test_tokenMustDeliver() public {
        FeeToken fee = new FeeToken();
        token = fee;
        fund(CREATOR, BOUNTY);
        fee.charge(true, false);
        TaskParams memory p = params();
        expect(IHubErrors.Hub_TransferMismatch.selector, BOUNTY, BOUNTY - 1);
        submit(p);
    }

    function test_tokenThatAnswersFalse() public {
        FreezableToken frozen = new FreezableToken();
        token = frozen;
        fund(CREATOR, BOUNTY);
        frozen.freeze(true, true);
        TaskParams memory p = params();
        vm.expectRevert(abi.encodeWithSignature("SafeERC20FailedOperation(address)", frozen));
        submit(p);
    }

    function refusesCode(TaskParams memory p, address code, bytes32 expected, bytes32 actual)
        internal
        returns (TaskParams memory)
    {
        vm.expectRevert(abi.encodeWithSelector(IHubErrors.Hub_CodeMismatch.selector, code, expected, actual));
        submit(p);
        return params();
    }
}
