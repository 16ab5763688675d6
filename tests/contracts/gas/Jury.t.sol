// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Courtroom} from "../integration/Courtroom.sol";
import {JuryTerms} from "../utils/Juries.sol";
import {Commitment} from "contracts/types/Membership.sol";

/// @title What an honest-majority trial costs, as whole transactions before the real hub
/// @notice A first jury of 15 and an appeal to 31, drawn from 62 jurors of one place each, so that nearly every seat is
/// another juror's: the dearest case. Under `isolate` each call is a transaction of its own.
/// forge-config: default.isolate = true
contract JuryGasTest is Courtroom {
    uint256 private constant JURORS = 62;
    Commitment private accused;
    uint256 private id;

    function juryTerms() internal pure override returns (JuryTerms memory) {
        return JuryTerms({
            jurySize: 15,
            maxAppeals: 1,
            commitSeconds: 200,
            revealSeconds: 100,
            appealSeconds: 100,
            graceSeconds: 300,
            jurorStake: JUROR_STAKE
        });
    }

    function test_Trial() external {
        register(jurorAt(90), 1);
        vm.snapshotGasLastCall("JuryJudge", "1 register, one place");
        register(jurorAt(91), 31);
        vm.snapshotGasLastCall("JuryJudge", "1 register, 31 places");
        vm.prank(jurorAt(91));
        jury.resign();
        vm.snapshotGasLastCall("JuryJudge", "8 resign, 31 places");
        for (uint256 i = 5; i < JURORS; ++i) {
            register(jurorAt(i), 1);
        }
        accused = commit(honest());
        id = challenge(
            accused, address(jury), abi.encode(uint32(3), "toploc", keccak256("evidence document"))
        );
        vm.prank(CHALLENGER);
        hub.challenge(
            params(), NODE, accused, address(jury), abi.encode(uint32(4), "toploc", bytes32("again"))
        );
        vm.snapshotGasLastCall("JuryJudge", "2 challenge, the second in its task");

        vote("2 summon 15", "15");
        fund(NODE, jury.appealBond(1));
        vm.prank(NODE);
        jury.appeal(id);
        vm.snapshotGasLastCall("JuryJudge", "5 appeal");
        vote("6 summon 31", "31");
        closeTrial(id);
        vm.snapshotGasLastCall("JuryJudge", "7 close after two rounds, 15 and 31");
    }

    /// @dev One juror in three votes against the others.
    function vote(string memory summoning, string memory size) private {
        vm.roll(block.number + 1);
        jury.summon(id);
        vm.snapshotGasLastCall("JuryJudge", summoning);
        uint8 round = jury.trialOf(id).round;
        address[] memory jurors = jury.juryOf(id, round);
        for (uint256 i = 0; i < jurors.length; ++i) {
            bytes32 voteHash = keccak256(abi.encode(id, round, jurors[i], i % 3 != 0, SALT));
            vm.prank(jurors[i]);
            jury.commitVote(id, voteHash);
        }
        vm.snapshotGasLastCall("JuryJudge", string.concat("3 commit a vote, jury of ", size));
        for (uint256 i = 0; i < jurors.length; ++i) {
            vm.prank(jurors[i]);
            jury.revealVote(id, i % 3 != 0, SALT);
        }
        vm.snapshotGasLastCall("JuryJudge", string.concat("4 reveal a vote, jury of ", size));
    }

    function register(address juror, uint32 places) private {
        fund(juror, uint256(places) * JUROR_STAKE);
        vm.prank(juror);
        jury.register(places);
    }
}
