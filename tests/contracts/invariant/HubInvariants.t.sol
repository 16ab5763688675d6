// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Assertions} from "../utils/Assertions.sol";
import {HubHandler} from "./HubHandler.sol";

/// @title What holds whatever anyone does
/// @dev Numbers as in contracts/README.md; where each is held:
/// 1 the balance covers what is owed: after every step (World.checkSolvency) and part by part (HubHandler.checkTask);
/// 2 not both paid and slashed: at every slash (MoneySteps._slash) and at every claim of a slashed member, refused;
/// 3 stake does not leave early: at every exit, tried at any time (MemberSteps.quit, hasExited);
/// 4 who follows the protocol keeps its stake: at every slash, under forged verdicts (DisputeSteps.forge);
/// 5 a proof inside the window ends in a slash: every challenge in time succeeds, every verdict in time counts
///   (DisputeSteps.accuse, decide);
/// 6 every challenge ends in time and nothing is stuck: HubHandler.finish, after every run;
/// 7 the bounty is not oversold: HubHandler.checkTask;
/// 8 burned + credited = slashed: HubHandler.checkSlashes;
/// 9 one TOPLOC verdict on-chain, in the twin and in Python: with the library, under tests/contracts/unit/libraries.
contract HubInvariants is Assertions {
    struct FuzzSelector {
        address addr;
        bytes4[] selectors;
    }

    HubHandler internal handler;

    function setUp() public {
        handler = new HubHandler();
    }

    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(handler);
    }

    function targetSelectors() external view returns (FuzzSelector[] memory targets) {
        targets = new FuzzSelector[](1);
        targets[0] = FuzzSelector(address(handler), steps());
    }

    /// @dev One function, so that each run checks everything on the same states.
    function invariant_everything() external view {
        handler.check();
    }

    /// @dev And then everybody goes home.
    function afterInvariant() external {
        handler.finish();
    }

    /// @dev Walks like the campaign's reach every outcome, so the invariants are not held over an idle hub.
    function test_WalksReachEveryOutcome() external {
        string[52] memory wanted = outcomes();
        uint256[52] memory reached;
        bytes4[] memory all = steps();
        uint256 random;
        for (uint256 walk = 0; walk < 48; ++walk) {
            setUp();
            for (uint256 k = 0; k < 128; ++k) {
                random = uint256(keccak256(abi.encode(random)));
                (bool succeeded, bytes memory reason) =
                    address(handler).call(abi.encodeWithSelector(all[random % all.length], random));
                if (!succeeded) bubble(reason);
            }
            handler.check();
            handler.finish();
            for (uint256 k = 0; k < wanted.length; ++k) {
                reached[k] += handler.taken(wanted[k]);
            }
        }
        for (uint256 k = 0; k < wanted.length; ++k) {
            assertTrue(reached[k] > 0, wanted[k]);
        }
    }

    /// @dev Each step as often as it should be drawn.
    function steps() internal view returns (bytes4[] memory all) {
        all = new bytes4[](51);
        uint256 size;
        size = put(all, size, 2, handler.pass.selector);
        size = put(all, size, 6, handler.enter.selector);
        size = put(all, size, 5, handler.work.selector);
        size = put(all, size, 3, handler.toil.selector);
        size = put(all, size, 10, handler.accuse.selector);
        size = put(all, size, 7, handler.decide.selector);
        size = put(all, size, 2, handler.expire.selector);
        size = put(all, size, 1, handler.forge.selector);
        size = put(all, size, 2, handler.claim.selector);
        size = put(all, size, 1, handler.withdraw.selector);
        size = put(all, size, 2, handler.tempt.selector);
        size = put(all, size, 1, handler.post.selector);
        size = put(all, size, 1, handler.quit.selector);
        size = put(all, size, 1, handler.topUp.selector);
        size = put(all, size, 2, handler.ask.selector);
        size = put(all, size, 1, handler.refund.selector);
        size = put(all, size, 1, handler.createAgain.selector);
        size = put(all, size, 1, handler.open.selector);
        size = put(all, size, 1, handler.donate.selector);
        size = put(all, size, 1, handler.intrude.selector);
    }

    function put(bytes4[] memory all, uint256 size, uint256 times, bytes4 selector)
        private
        pure
        returns (uint256)
    {
        for (uint256 k = 0; k < times; ++k) {
            all[size++] = selector;
        }
        return size;
    }

    function outcomes() internal pure returns (string[52] memory) {
        return [
            "topUp",
            "topUp refused",
            "join",
            "join refused",
            "join by permit",
            "join by permit refused",
            "join unasked refused",
            "requestExit",
            "requestExit refused",
            "exit",
            "exit refused",
            "openRound",
            "openRound refused",
            "createTask refused",
            "commit",
            "commit refused",
            "commit to a full ring refused",
            "commit of a stranger refused",
            "ring comes round",
            "commitBatch",
            "commitBatch refused",
            "postCheckpoint",
            "postCheckpoint refused",
            "challenge",
            "challenge refused",
            "challenge by permit",
            "challenge by permit refused",
            "verdict",
            "verdict refused",
            "late verdict refused",
            "forged verdict refused",
            "slashed at once",
            "slashed later",
            "acquitted at once",
            "acquitted later",
            "dismissed at once",
            "dismissed later",
            "moot",
            "expire",
            "expire refused",
            "expire moot",
            "void work passed",
            "claim",
            "claim refused",
            "refund",
            "refund refused",
            "withdraw",
            "withdraw refused",
            "withdraw nothing refused",
            "vice",
            "reentry",
            "callback"
        ];
    }

    function bubble(bytes memory reason) private pure {
        assembly ("memory-safe") {
            revert(add(reason, 0x20), mload(reason))
        }
    }
}
