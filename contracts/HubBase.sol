// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {MessageHashUtils} from "@openzeppelin/contracts/utils/cryptography/MessageHashUtils.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";

import {IHub} from "./interfaces/IHub.sol";
import {ChallengeStatus} from "./types/Challenge.sol";
import {Checkpoint, Commitment, Holder, Work} from "./types/Membership.sol";
import {Task, TaskParams} from "./types/Task.sol";

/// @title What the parts of the hub share: storage, ids, windows, signatures and money
abstract contract HubBase is IHub, ReentrancyGuardTransient {
    using SafeERC20 for IERC20;

    /// @inheritdoc IHub
    address public constant BURN = 0x000000000000000000000000000000000000dEaD;

    bytes32 private constant DOMAIN_TYPEHASH =
        keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)");
    bytes32 private constant NAME_HASH = keccak256("Cupel Hub");
    bytes32 private constant VERSION_HASH = keccak256("1");

    /// @dev 31 words.
    uint256 private constant PARAMS_BYTES = 992;

    /// @dev Commitments a node can have unpaid; a ring, so that a steady node writes no new slot.
    uint256 internal constant RING = 64;

    mapping(bytes32 task => Task) internal _tasks;
    mapping(bytes32 task => mapping(uint256 round => bytes32)) internal _beacons;
    mapping(bytes32 task => mapping(uint256 version => Checkpoint)) internal _checkpoints;
    mapping(bytes32 key => Holder) internal _holders;
    mapping(bytes32 key => Work) internal _works;
    mapping(bytes32 key => mapping(uint256 slot => bytes32)) internal _ring;
    /// @inheritdoc IHub
    mapping(uint256 challengeId => ChallengeStatus) public challengeStatus;
    /// @dev Pending challenges to one commitment beyond the first, for which `Work.challenged` has a bit.
    mapping(bytes32 key => mapping(uint256 sequence => uint256)) internal _furtherChallenges;
    /// @inheritdoc IHub
    mapping(address token => mapping(address account => uint256)) public credit;

    /// @dev keccak256(abi.encode(block.chainid, address(this), p)), the twin in the tests, without encoding what is encoded
    /// already. Bytes that are no clean encoding hash to the id of no task: `createTask` emits, so checks, every field.
    function _taskId(TaskParams calldata p) internal view returns (bytes32 task) {
        uint256 size = PARAMS_BYTES;
        assembly ("memory-safe") {
            let free := mload(0x40)
            mstore(free, chainid())
            mstore(add(free, 0x20), address())
            calldatacopy(add(free, 0x40), p, size)
            task := keccak256(free, add(size, 0x40))
        }
    }

    /// @dev Id and stored part of a task that was created.
    function _createdTask(TaskParams calldata p) internal view returns (bytes32 task, Task storage stored) {
        task = _taskId(p);
        stored = _tasks[task];
        if (stored.roundSeconds == 0) revert Hub_TaskUnknown(task);
    }

    /// @dev Key of a membership.
    function _key(bytes32 task, address node) internal pure returns (bytes32) {
        return keccak256(abi.encode(task, node));
    }

    function _hash(Commitment memory c) internal pure returns (bytes32) {
        return keccak256(abi.encode(c));
    }

    function _bit(uint256 sequence) internal pure returns (uint64) {
        return uint64(1 << (sequence % RING));
    }

    /// @dev Loads and stores go through here so that the packing is compiled once.
    function _work(bytes32 key) internal view returns (Work memory) {
        return _works[key];
    }

    function _save(bytes32 key, Work memory work) internal {
        _works[key] = work;
    }

    /// @dev Sequence of the oldest unpaid commitment.
    function _cursor(Work memory work) internal pure returns (uint256) {
        return work.next - work.unpaid;
    }

    function _ownerOf(bytes32 key, address node) internal view returns (address owner) {
        owner = _holders[key].owner;
        if (owner == address(0)) owner = node;
    }

    function _payoutOf(bytes32 key, address node) internal view returns (address payout) {
        payout = _holders[key].payout;
        if (payout == address(0)) payout = _ownerOf(key, node);
    }

    function _now() internal view returns (uint40) {
        return uint40(block.timestamp);
    }

    /// @dev Every window is checked here and in `_before`: open iff opens <= now < closes.
    function _notBefore(uint256 opens) internal view {
        if (block.timestamp < opens) revert Hub_TooEarly(opens);
    }

    function _before(uint256 closes) internal view {
        if (block.timestamp >= closes) revert Hub_TooLate(closes);
    }

    /// @dev End of the last round. `createTask` bounds it, together with `_settling`, by uint40.
    function _end(TaskParams calldata p) internal pure returns (uint256) {
        return p.start + uint256(p.rounds) * p.roundSeconds;
    }

    /// @dev This long after a commitment no challenge to it is pending, if someone expired the silent ones.
    function _settling(TaskParams calldata p) internal pure returns (uint256) {
        return uint256(p.challengeWindow) + p.disputeSeconds + p.exitMargin;
    }

    /// @dev EIP-712 digest on this hub of a typed struct's hash.
    function _typedHash(bytes32 structHash) internal view returns (bytes32) {
        bytes32 domain =
            keccak256(abi.encode(DOMAIN_TYPEHASH, NAME_HASH, VERSION_HASH, block.chainid, address(this)));
        return MessageHashUtils.toTypedDataHash(domain, structHash);
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
            if (moved != asked) revert Hub_TransferMismatch(asked, moved);
        }
    }
}
