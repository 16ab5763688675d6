// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Vm} from "./Vm.sol";

/// @title Puts the contracts of contracts.toml on a chain
/// @notice Every contract is created by CREATE2 through one proxy, so that equal code and equal parameters have the
/// same address on every chain, whoever deploys. What is there already is left alone, so a second run does nothing.
/// Everything is examined before the first transaction is sent.
/// @dev How to run it: docs/deployment.md. The plan is computed a second time, in Python, by `cupel deploy`.
contract Deploy {
    Vm private constant vm = Vm(0x7109709ECfa91a80626fF3989D68f67F5b1DD12D);
    address private constant CONSOLE = 0x000000000000000000636F6e736F6c652e6c6f67;
    string private constant LIST = "deploy/script/contracts.toml";

    /// @dev Code of the deterministic deployment proxy: takes a salt and creation code, calls CREATE2, and returns
    /// the twenty bytes of the address.
    bytes32 private constant PROXY_CODE_HASH =
        0x2fa86add0aed31f33a762c9d88e807c475bd51d0f52bd0955754b2608f7e4989;

    struct Planned {
        string name;
        address place;
        bytes arguments;
        bool exists;
    }

    /// @notice The file is of another chain.
    error Deploy_WrongChain(uint256 inFile, uint256 observed);
    /// @notice Nothing is at the proxy's address on this chain.
    error Deploy_NoProxy(address proxy, string remedy);
    /// @notice What is at the proxy's address is not the proxy.
    error Deploy_ForeignProxy(address proxy, bytes32 expectedCodeHash, bytes32 observedCodeHash);
    /// @notice The network's file has no value for an argument of a listed contract.
    error Deploy_NoParameter(string contractName, string key);
    /// @notice A parameter is an address without a contract.
    error Deploy_NoContract(string key, address observed);
    /// @notice The reviewed address is missing, or not the one that code and parameters lead to.
    error Deploy_UnreviewedAddress(string contractName, string inFile, address computed);
    /// @notice Another contract is at the address.
    error Deploy_ForeignCode(string contractName, address place, bytes32 expectedHash, bytes32 observedHash);
    /// @notice The contract's constructor refused its arguments.
    error Deploy_ConstructorFailed(string contractName, bytes reason);

    address private _proxy;
    bytes32 private _salt;
    Planned[] private _planned;
    mapping(string name => address) private _places;

    /// @param networkPath A file of deploy/networks, from the root of the checkout.
    function run(string calldata networkPath) external {
        string memory network = vm.readFile(networkPath);
        uint256 chainId = vm.parseTomlUint(network, ".chain_id");
        if (chainId != block.chainid) revert Deploy_WrongChain(chainId, block.chainid);
        _proxy = vm.parseTomlAddress(network, ".proxy");
        _salt = keccak256(bytes(vm.parseTomlString(network, ".salt")));
        _checkProxy();
        _plan(network, vm.readFile(LIST));

        uint256 missing = _examine();
        _log(string.concat(vm.toString(missing), " of ", vm.toString(_planned.length), " to deploy"));
        if (missing == 0) return;
        vm.startBroadcast();
        for (uint256 i = 0; i < _planned.length; ++i) {
            if (!_planned[i].exists) _create(_planned[i]);
        }
        vm.stopBroadcast();
    }

    function _checkProxy() private view {
        if (_proxy.code.length == 0) {
            revert Deploy_NoProxy(
                _proxy,
                "put it there, or put the same code elsewhere and name that: docs/deployment.md, 'The proxy'"
            );
        }
        if (_proxy.codehash != PROXY_CODE_HASH) {
            revert Deploy_ForeignProxy(_proxy, PROXY_CODE_HASH, _proxy.codehash);
        }
    }

    /// @dev The listed contracts that this network wants, each with its address.
    function _plan(string memory network, string memory list) private {
        bool required = vm.parseTomlBool(network, ".addresses_required");
        for (uint256 i = 0; vm.keyExistsToml(list, _entry(i, ".name")); ++i) {
            string memory name = vm.parseTomlString(list, _entry(i, ".name"));
            if (!_isWanted(network, list, i, name)) continue;

            string[] memory listed = vm.parseTomlStringArray(list, _entry(i, ".arguments"));
            bytes memory arguments;
            for (uint256 j = 0; j < listed.length; ++j) {
                arguments = bytes.concat(arguments, _word(network, name, listed[j]));
            }
            address place = _placeOf(_creationCode(name, arguments));
            _checkReviewed(network, name, place, required);
            _places[name] = place;
            _planned.push(Planned(name, place, arguments, false));
        }
    }

    function _isWanted(string memory network, string memory list, uint256 index, string memory name)
        private
        view
        returns (bool)
    {
        if (!vm.keyExistsToml(list, _entry(index, ".only_if"))) return true;
        return _equal(_parameter(network, name, vm.parseTomlString(list, _entry(index, ".only_if"))), name);
    }

    /// @dev An argument as the ABI encodes it.
    function _word(string memory network, string memory name, string memory argument)
        private
        view
        returns (bytes32)
    {
        if (_places[argument] != address(0)) return _toWord(_places[argument]);
        string memory value = _parameter(network, name, argument);
        if (_places[value] != address(0)) return _toWord(_places[value]);

        uint256 number = vm.parseUint(value);
        bool isAddress = bytes(value).length == 42 && vm.indexOf(value, "0x") == 0;
        if (isAddress && address(uint160(number)).code.length == 0) {
            revert Deploy_NoContract(argument, address(uint160(number)));
        }
        return bytes32(number);
    }

    function _parameter(string memory network, string memory name, string memory key)
        private
        view
        returns (string memory)
    {
        string memory path = string.concat(".", key);
        if (!vm.keyExistsToml(network, path)) revert Deploy_NoParameter(name, key);
        return vm.parseTomlString(network, path);
    }

    function _checkReviewed(string memory network, string memory name, address place, bool required)
        private
        view
    {
        string memory path = string.concat(".addresses.", name);
        bool written = vm.keyExistsToml(network, path);
        if (!written && !required) return;
        if (!written) revert Deploy_UnreviewedAddress(name, "", place);
        if (vm.parseTomlAddress(network, path) != place) {
            revert Deploy_UnreviewedAddress(name, vm.parseTomlString(network, path), place);
        }
    }

    /// @dev Looks at what is there and tries the constructors of what is not.
    function _examine() private returns (uint256 missing) {
        bytes32[] memory hashes = _trials();
        for (uint256 i = 0; i < _planned.length; ++i) {
            Planned storage planned = _planned[i];
            bytes32 expected = hashes[i];
            bytes32 observed = planned.place.codehash;
            planned.exists = planned.place.code.length != 0;
            if (planned.exists && observed != expected) {
                revert Deploy_ForeignCode(planned.name, planned.place, expected, observed);
            }
            if (!planned.exists) ++missing;
            string memory state = planned.exists ? "there   " : "missing ";
            _log(string.concat(state, vm.toString(planned.place), " ", planned.name));
        }
    }

    /// @dev Code hashes of the contracts were they created now, each at its own address: constructors may write their
    /// address or the chain into the code, and look at the contracts before them.
    function _trials() private returns (bytes32[] memory hashes) {
        hashes = new bytes32[](_planned.length);
        uint256 snapshot = vm.snapshotState();
        for (uint256 i = 0; i < _planned.length; ++i) {
            Planned storage planned = _planned[i];
            vm.etch(planned.place, "");
            vm.setNonceUnsafe(planned.place, 0);
            _create(planned);
            hashes[i] = planned.place.codehash;
        }
        vm.revertToState(snapshot);
    }

    function _create(Planned storage planned) private {
        (bool success,) = _proxy.call(bytes.concat(_salt, _creationCode(planned.name, planned.arguments)));
        if (success) return;
        // The proxy does not tell why. The same constructor without it does.
        try vm.deployCode(_artefact(planned.name), planned.arguments) {}
        catch (bytes memory reason) {
            revert Deploy_ConstructorFailed(planned.name, reason);
        }
        revert Deploy_ConstructorFailed(planned.name, "");
    }

    function _creationCode(string memory name, bytes memory arguments) private view returns (bytes memory) {
        return bytes.concat(vm.getCode(_artefact(name)), arguments);
    }

    function _artefact(string memory name) private pure returns (string memory) {
        return string.concat(name, ".sol:", name);
    }

    function _placeOf(bytes memory creationCode) private view returns (address) {
        bytes32 digest = keccak256(bytes.concat(hex"ff", bytes20(_proxy), _salt, keccak256(creationCode)));
        return address(uint160(uint256(digest)));
    }

    function _entry(uint256 index, string memory key) private pure returns (string memory) {
        return string.concat(".contracts[", vm.toString(index), "]", key);
    }

    function _toWord(address value) private pure returns (bytes32) {
        return bytes32(uint256(uint160(value)));
    }

    function _equal(string memory a, string memory b) private pure returns (bool) {
        return keccak256(bytes(a)) == keccak256(bytes(b));
    }

    function _log(string memory text) private view {
        // The console is no contract: forge reads the call and prints the text.
        (bool success,) = CONSOLE.staticcall(abi.encodeWithSignature("log(string)", text));
        success;
    }
}
