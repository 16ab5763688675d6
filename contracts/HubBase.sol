// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {Hashes} from "@openzeppelin/contracts/utils/cryptography/Hashes.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";

import {IHub} from "./interfaces/IHub.sol";
import {Refusal} from "./libraries/Refusal.sol";
import {Slots} from "./libraries/Slots.sol";
import {Terms} from "./libraries/Terms.sol";
import {Verbatim} from "./libraries/Verbatim.sol";
import {ChallengeStatus} from "./types/Challenge.sol";
import {Entry, Holder, MemberStatus, Posting, Work} from "./types/Membership.sol";
import {Task, TaskParams} from "./types/Task.sol";

/// @title What the parts of the hub share: storage, ids, windows, signatures and money
abstract contract HubBase is IHub {
    using Refusal for bytes4;
    using Terms for TaskParams;
    using SafeERC20 for IERC20;
    using Slots for uint256;
    using Slots for Task;
    using Slots for Work;

    /// @inheritdoc IHub
    address public constant BURN = 0x000000000000000000000000000000000000dEaD;

    bytes32 private constant DOMAIN_TYPEHASH =
        keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)");
    bytes32 private constant NAME_HASH = keccak256("Cupel Hub");
    bytes32 private constant VERSION_HASH = keccak256("1");

    /// @dev Commitments a node can have unpaid; a ring, so that a steady node writes no new slot.
    uint256 internal constant RING = 64;

    mapping(bytes32 task => uint256 word) internal _tasks;
    mapping(bytes32 task => mapping(uint256 round => bytes32)) internal _beacons;
    mapping(bytes32 task => mapping(uint256 version => Posting)) internal _postings;
    mapping(bytes32 key => Holder) internal _holders;
    mapping(bytes32 key => uint256 word) internal _works;
    mapping(bytes32 key => mapping(uint256 slot => bytes32)) internal _ring;
    /// @dev Values of `ChallengeStatus`.
    mapping(uint256 challengeId => uint256) internal _statuses;
    /// @dev Pending challenges to one commitment beyond the first, for which `Work.challenged` has a bit.
    mapping(bytes32 key => mapping(uint256 sequence => uint256)) internal _furtherChallenges;
    /// @inheritdoc IHub
    mapping(address token => mapping(address account => uint256)) public credit;

    uint256 private transient _entered;

    modifier nonReentrant() {
        _enter();
        _;
        delete _entered;
    }

    function _enter() private {
        if (_entered != 0) Hub_Reentered.selector.refuse();
        _entered = 1;
    }

    /// @dev Id and stored part of a task that was created.
    function _createdTask(TaskParams calldata p) internal view returns (bytes32 id, Task memory task) {
        id = Verbatim.taskId(p);
        task.read(_tasks[id]);
        _checkCreated(id, task);
    }

    /// @dev All zero when there is no such task.
    function _task(bytes32 id) internal view returns (Task memory task) {
        task.read(_tasks[id]);
    }

    function _checkCreated(bytes32 id, Task memory task) internal pure {
        if (task.roundSeconds == 0) Hub_TaskUnknown.selector.refuse(id);
    }

    function _save(bytes32 id, Task memory task) internal {
        _tasks[id] = task.toWord();
    }

    /// @dev Gives reserved units back to the bounty. Cannot revert: a slash relies on it.
    function _release(bytes32 task, uint256 units) internal {
        _tasks[task] = _tasks[task].release(units);
    }

    /// @dev Key of a membership.
    function _key(bytes32 task, address node) internal pure returns (bytes32) {
        return Hashes.efficientKeccak256(task, bytes32(uint256(uint160(node))));
    }

    /// @dev A membership whose status is Active, or any up to `last`. Up to Exiting the stake is in the hub.
    function _member(bytes32 task, address node, MemberStatus last) internal view returns (Work memory work) {
        _load(work, task, node, last);
    }

    /// @dev Fills `work` with such a membership.
    function _load(Work memory work, bytes32 task, address node, MemberStatus last) internal view {
        bytes32 key = _key(task, node);
        work.key = key;
        work.read(_works[key]);
        uint256 status = work.status;
        if (status == 0 || status > uint256(last)) {
            Hub_MemberNotActive.selector.refuse(task, node, status);
        }
    }

    function _save(Work memory work) internal {
        _works[work.key] = work.toWord();
    }

    /// @dev The ring must hold this commitment.
    function _checkKept(Work memory work, Entry memory entry) internal view {
        uint256 sequence = entry.sequence;
        if (_ring[work.key][_slot(sequence)] != Verbatim.hash(entry)) {
            Hub_CommitmentUnknown.selector.refuse(sequence);
        }
    }

    /// @dev `sequence % RING`, for a ring whose size is a power of two.
    function _slot(uint256 sequence) internal pure returns (uint256) {
        return sequence & (RING - 1);
    }

    function _bit(uint256 sequence) internal pure returns (uint256) {
        return 1 << _slot(sequence);
    }

    /// @dev Sequence of the oldest unpaid commitment.
    function _cursor(Work memory work) internal pure returns (uint256) {
        unchecked {
            return work.next - work.unpaid;
        }
    }

    function _ownerOf(Work memory work, address node) internal view returns (address owner) {
        if (work.apart != 0) owner = _holders[work.key].owner;
        if (owner == address(0)) owner = node;
    }

    function _payoutOf(Work memory work, address node) internal view returns (address payout) {
        if (work.apart != 0) payout = _holders[work.key].payout;
        if (payout == address(0)) payout = _ownerOf(work, node);
    }

    function _now() internal view returns (uint40) {
        return uint40(block.timestamp);
    }

    /// @dev Every window is checked here and in `_before`: open iff opens <= now < closes.
    function _notBefore(uint256 opens) internal view {
        if (block.timestamp < opens) Hub_TooEarly.selector.refuse(opens);
    }

    function _before(uint256 closes) internal view {
        if (block.timestamp >= closes) Hub_TooLate.selector.refuse(closes);
    }

    /// @dev End of the last round. `createTask` bounds it, together with `_settling`, by uint40.
    function _end(TaskParams calldata p) internal pure returns (uint256) {
        unchecked {
            return p.word(Terms.START) + p.word(Terms.ROUNDS) * p.word(Terms.ROUND_SECONDS);
        }
    }

    /// @dev This long after a commitment no challenge to it is pending, if someone expired the silent ones.
    function _settling(TaskParams calldata p) internal pure returns (uint256) {
        unchecked {
            return p.word(Terms.CHALLENGE_WINDOW) + p.word(Terms.DISPUTE_SECONDS) + p.word(Terms.EXIT_MARGIN);
        }
    }

    /// @dev EIP-712 domain separator of this hub on this chain.
    function _domain() internal view returns (bytes32) {
        return keccak256(abi.encode(DOMAIN_TYPEHASH, NAME_HASH, VERSION_HASH, block.chainid, address(this)));
    }

    /// @dev The key is tried first: it spares the usual node a look at its code, and a wallet that delegates its account
    /// to code (EIP-7702) keeps its key.
    function _isSignedBy(address signer, bytes32 digest, bytes calldata signature)
        internal
        view
        returns (bool)
    {
        (address recovered, ECDSA.RecoverError failure,) = ECDSA.tryRecoverCalldata(digest, signature);
        if (failure == ECDSA.RecoverError.NoError && recovered == signer) return true;
        return SignatureChecker.isValidERC1271SignatureNowCalldata(signer, digest, signature);
    }

    /// @dev Gives an account money that the hub holds for something that has just ended. Cannot revert: a slash relies
    /// on it, and no token has 2^256 units.
    function _credit(address token, address account, uint256 amount) internal {
        unchecked {
            credit[token][account] += amount;
        }
    }

    /// @dev Takes exactly `amount` from the sender. Call it last, after what it pays for has been recorded.
    function _pull(address token, uint256 amount) internal {
        uint256 before = _balance(token);
        IERC20(token).safeTransferFrom(msg.sender, address(this), amount);
        _checkMoved(amount, before, _balance(token));
    }

    /// @dev Takes the pay of `units` from the sender.
    function _pullUnits(TaskParams calldata p, uint256 units) internal {
        unchecked {
            _pull(p.tokenWord(), units * p.word(Terms.RATE));
        }
    }

    /// @dev Sends exactly `amount`. Call it last, after the credit has been taken away.
    function _push(address token, address account, uint256 amount) internal {
        uint256 before = _balance(token);
        IERC20(token).safeTransfer(account, amount);
        _checkMoved(amount, _balance(token), before);
    }

    function _balance(address token) private view returns (uint256) {
        return IERC20(token).balanceOf(address(this));
    }

    function _checkMoved(uint256 asked, uint256 low, uint256 high) private pure {
        unchecked {
            // Wraps when the balance went the wrong way, which is then a mismatch too.
            uint256 moved = high - low;
            if (moved != asked) Hub_TransferMismatch.selector.refuse(asked, moved);
        }
    }
}
