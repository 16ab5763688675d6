// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ScriptedJudge} from "./mocks/ScriptedJudge.sol";
import {Assertions} from "./utils/Assertions.sol";
import {Hub} from "contracts/Hub.sol";
import {TestToken} from "contracts/periphery/TestToken.sol";
import {Challenge} from "contracts/types/Challenge.sol";
import {Pinned, TaskParams} from "contracts/types/Task.sol";

/// @title A hub, a token, a judge that answers as told, and a task of ten rounds
abstract contract World is Assertions {
    address internal constant CREATOR = address(0xC0FFEE);
    address internal constant OWNER = address(0x0117E2);
    address internal constant PAYOUT = address(0x9A9);
    address internal constant CHALLENGER = address(0xC4A11);
    address internal constant STRANGER = address(0x57A4);
    address internal constant BURN = 0x000000000000000000000000000000000000dEaD;
    uint256 internal constant NODE_KEY = 0xA11CE;
    uint256 internal constant OTHER_KEY = 0xB0B;

    uint40 internal constant NOW = 1_000_000;
    uint40 internal constant START = NOW + 100;
    uint32 internal constant ROUND_SECONDS = 100;
    uint32 internal constant COMMIT_SECONDS = 40;
    uint32 internal constant ROUNDS = 10;
    uint40 internal constant END = START + ROUNDS * ROUND_SECONDS;
    uint32 internal constant UNITS_PER_ROUND = 8;
    uint96 internal constant RATE = 10;
    uint96 internal constant STAKE = 1001;
    uint96 internal constant BOND = 30;
    uint32 internal constant WINDOW = 200;
    uint32 internal constant DISPUTE = 300;
    uint32 internal constant MARGIN = 50;
    uint32 internal constant SETTLING = WINDOW + DISPUTE + MARGIN;
    uint40 internal constant UNITS = 1000;
    uint256 internal constant BOUNTY = uint256(UNITS) * RATE;
    uint32 internal constant QUOTA = 40;

    Hub internal hub;
    TestToken internal token;
    ScriptedJudge internal judge;
    address internal NODE;
    address internal OTHER;
    bytes32 internal task;
    /// @dev What was said at each challenge, to be shown again.
    mapping(uint256 id => Challenge) internal shown;
    uint256[] internal opened;
    /// @dev Everyone who can have money in the hub.
    address[] internal known;
    mapping(address account => bool) internal isKnown;

    function setUp() public virtual {
        vm.warp(NOW);
        vm.roll(1000);
        hub = new Hub();
        token = new TestToken();
        judge = new ScriptedJudge();
        NODE = vm.addr(NODE_KEY);
        OTHER = vm.addr(OTHER_KEY);
        address[8] memory cast = [CREATOR, OWNER, PAYOUT, CHALLENGER, STRANGER, BURN, NODE, OTHER];
        for (uint256 i = 0; i < cast.length; ++i) {
            know(cast[i]);
        }
    }

    function params() internal view virtual returns (TaskParams memory p) {
        p.creator = CREATOR;
        p.token = address(token);
        p.specDigest = keccak256("spec");
        p.genesisDigest = keccak256("genesis");
        p.start = START;
        p.roundSeconds = ROUND_SECONDS;
        p.commitSeconds = COMMIT_SECONDS;
        p.rounds = ROUNDS;
        p.problemsPerRound = 4;
        p.groupSize = 2;
        p.problemCount = 100;
        p.chunkTokens = 4;
        p.topk = 2;
        p.maxTokens = 9;
        p.maxStaleness = 2;
        p.rate = RATE;
        p.stake = STAKE;
        p.bond = BOND;
        p.challengeWindow = WINDOW;
        p.disputeSeconds = DISPUTE;
        p.exitMargin = MARGIN;
        p.judges[0] = Pinned(address(judge), address(judge).codehash);
    }

    function know(address account) internal {
        if (isKnown[account]) return;
        isKnown[account] = true;
        known.push(account);
    }
}
