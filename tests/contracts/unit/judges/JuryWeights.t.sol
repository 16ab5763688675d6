// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Juries, JuryTerms} from "../../utils/Juries.sol";
import {JuryJudgeTest} from "./JuryJudgeTest.sol";
import {IJudge} from "contracts/interfaces/IJudge.sol";
import {IJuryJudge} from "contracts/interfaces/IJuryJudge.sol";
import {JuryJudge} from "contracts/judges/JuryJudge.sol";
import {Ballot, Round, Vote} from "contracts/types/Jury.sol";

/// @dev See JuryWeights.tree. Jurors of several places and several seats.
contract JuryWeightsTest is JuryJudgeTest {
    address internal immutable SMALL = jurorAt(0);
    address internal immutable LARGE = jurorAt(1);

    // The draw

    /// @dev Three seats of twelve places, 300 times. The draws are without replacement, so the sum has less than the
    /// variance of Pearson's chi-square with three degrees of freedom, which exceeds 16.3 in one of 1000 cases.
    function test_ChancesAreProportionalToPlaces() external {
        uint256[4] memory places = [uint256(1), 2, 3, 6];
        uint256[4] memory times;
        for (uint256 i = 0; i < 4; ++i) {
            register(jurorAt(i), uint32(places[i]));
        }
        for (uint256 id = 0; id < 300; ++id) {
            open(id, 151);
            vm.roll(block.number + 1);
            judge.summon(id);
            for (uint256 i = 0; i < 4; ++i) {
                times[i] += judge.ballotOf(id, 0, jurorAt(i)).seats;
            }
        }
        uint256 hundredths = 0;
        for (uint256 i = 0; i < 4; ++i) {
            uint256 expected = 300 * 3 * places[i] / 12;
            uint256 difference = times[i] > expected ? times[i] - expected : expected - times[i];
            hundredths += 100 * difference * difference / expected;
        }
        assertEq(times[0] + times[1] + times[2] + times[3], 900);
        assertTrue(hundredths < 1630);
    }

    /// @dev Four jurors and the parties, of any number of places in any order; one juror comes too late.
    function testFuzz_SeatsAreDifferentPlacesOfThePopulationAndNeverTheParties(
        uint256 sizes,
        uint256 blockNumber,
        uint8 jurySize
    ) external {
        JuryTerms memory sized = terms();
        sized.jurySize = bound(jurySize, 1, 31);
        judge = Juries.deploy(address(hub), address(token), sized);
        vm.roll(bound(blockNumber, 1, 1 << 40));
        address[6] memory accounts = [jurorAt(0), NODE, jurorAt(1), jurorAt(2), CHALLENGER, jurorAt(3)];
        uint256[6] memory places;
        uint256 eligible = 0;
        for (uint256 i = 0; i < 12; ++i) {
            uint32 more = uint32(1 + ((sizes >> (4 * i)) & 15) % 15);
            register(accounts[i % 6], more);
            places[i % 6] += more;
            if (accounts[i % 6] != NODE && accounts[i % 6] != CHALLENGER) eligible += more;
        }
        open();
        register(NODE, 1);
        register(jurorAt(9), 31);
        vm.roll(block.number + 1);
        judge.summon(ID);

        uint256 seats = 0;
        for (uint256 i = 0; i < 6; ++i) {
            uint256 held = seatsOf(accounts[i]);
            bool party = accounts[i] == NODE || accounts[i] == CHALLENGER;
            assertTrue(held <= (party ? 0 : places[i]));
            assertEq(judge.jurorOf(accounts[i]).serving, held == 0 ? 0 : 1);
            seats += held;
        }
        assertEq(seatsOf(jurorAt(9)), 0);
        assertEq(seats, eligible < sized.jurySize ? eligible : sized.jurySize);
        assertEq(judge.roundOf(ID, 0).seats, seats);
    }

    function test_ANewcomerIsNotDrawnHoweverMuchItStakes() external {
        register(SMALL, 1);
        open();
        register(LARGE, 31);
        address[] memory jury = summon();
        assertEq(jury.length, 1);
        assertEq(jury[0], SMALL);
    }

    function test_APartyThatHoldsMostPlacesGetsNoSeat() external {
        register(NODE, 31);
        register(CHALLENGER, 31);
        registerJurors(3);
        open();
        assertEq(summon().length, 3);
        assertEq(seatsOf(NODE) + seatsOf(CHALLENGER), 0);
    }

    function test_TheLargestDrawIsBounded() external {
        JuryTerms memory sized = terms();
        sized.jurySize = 31;
        judge = Juries.deploy(address(hub), address(token), sized);
        register(NODE, 31);
        register(CHALLENGER, 31);
        registerJurors(31);
        open();
        vm.roll(OPENED_IN + 1);
        uint256 before = gasleft();
        judge.summon(ID);
        assertTrue(before - gasleft() < 3_000_000);
        assertEq(judge.juryOf(ID, 0).length, 31);
    }

    function test_EverySeatNeedsAPenaltyOfStake() external {
        register(SMALL, 1);
        register(LARGE, 2);
        register(jurorAt(2), 1);
        // LARGE is silent, alone or twice on a jury of three, until it can pay for one seat only.
        uint256 id = 2;
        while (stakeOf(LARGE) >= 2 * PENALTY) {
            open(id, 151);
            vm.roll(block.number + 1);
            judge.summon(id);
            vm.warp(judge.roundOf(id, 0).commitDeadline);
            close(id);
            ++id;
        }
        assertEq(stakeOf(LARGE), PENALTY);
        resign(SMALL);
        resign(jurorAt(2));
        open();
        address[] memory jury = summon();
        assertEq(jury.length, 1);
        assertEq(seatsOf(LARGE), 1);
        assertEq(judge.roundOf(ID, 0).seats, 1);
    }

    // The vote

    function test_SummoningNamesEveryJurorOnceWithItsSeats() external {
        register(SMALL, 1);
        register(LARGE, 2);
        open();
        vm.roll(OPENED_IN + 1);
        uint256 snapshot = vm.snapshotState();
        judge.summon(ID);
        address[] memory jury = judge.juryOf(ID, 0);
        assertEq(jury.length, 2);
        uint8[] memory seats = new uint8[](2);
        for (uint256 i = 0; i < 2; ++i) {
            seats[i] = jury[i] == LARGE ? 2 : 1;
            Ballot memory ballot = judge.ballotOf(ID, 0, jury[i]);
            assertEq(ballot.seats, seats[i]);
            assertEq(uint256(ballot.vote), uint256(Vote.Summoned));
            assertEq(judge.jurorOf(jury[i]).serving, 1);
        }
        vm.revertToState(snapshot);
        vm.expectEmit(address(judge));
        emit IJuryJudge.JurySummoned(ID, 0, jury, seats, OPENED_AT);
        judge.summon(ID);
    }

    function test_VotesAreCountedInSeats() external {
        twoAgainstOne();
        commitVote(LARGE, true);
        assertEq(judge.roundOf(ID, 0).committed, 2);
        vm.expectRevert(abi.encodeWithSelector(IJuryJudge.JuryJudge_RevealNotOpen.selector, OPENED_AT + 100));
        revealVote(LARGE, true);
        commitVote(SMALL, false);
        revealVote(LARGE, true);
        revealVote(SMALL, false);
        Round memory round = judge.roundOf(ID, 0);
        assertEq(round.committed, 3);
        assertEq(round.revealed, 3);
        assertEq(round.guiltyVotes, 2);
    }

    function test_TwoSeatsOutvoteOne() external {
        twoAgainstOne();
        vote(pair(), "gn");
        close(ID);
        assertVerdict(IJudge.Verdict.Guilty);
        assertStakes(2 * STAKE + PENALTY, STAKE - PENALTY);
    }

    function test_EverySeatOfASilentJurorPays() external {
        twoAgainstOne();
        vote(pair(), "-n");
        close(ID);
        assertVerdict(IJudge.Verdict.NotGuilty);
        assertStakes(2 * STAKE - 2 * PENALTY, STAKE + 2 * PENALTY);
    }

    /// @dev The stake covered each of the five seats alone, and one penalty less than all.
    function test_AJurorLosesAtMostItsStake() external {
        register(SMALL, 1);
        for (uint256 id = 1; id <= 5; ++id) {
            open(id, 151);
            vm.roll(block.number + 1);
            judge.summon(id);
        }
        assertEq(judge.jurorOf(SMALL).serving, 5);
        vm.warp(judge.roundOf(5, 0).commitDeadline);
        for (uint256 id = 1; id <= 5; ++id) {
            close(id);
        }
        assertEq(stakeOf(SMALL), 0);
        assertEq(judge.jurorOf(SMALL).serving, 0);
        assertEq(judge.toBurn(), STAKE);
    }

    function test_EarningsAreSharedBySeats() external {
        JuryTerms memory sized = terms();
        sized.jurySize = 4;
        judge = Juries.deploy(address(hub), address(token), sized);
        register(LARGE, 2);
        register(SMALL, 1);
        register(jurorAt(2), 1);
        open();
        summon();
        address[] memory jury = new address[](3);
        (jury[0], jury[1], jury[2]) = (LARGE, SMALL, jurorAt(2));
        vote(jury, "nn-");
        close(ID);
        // A third of a penalty for each of three seats, and one unit that cannot be divided.
        assertEq(stakeOf(LARGE), 2 * STAKE + 66);
        assertEq(stakeOf(SMALL), STAKE + 33);
        assertEq(judge.toBurn(), 1);
        assertSolvent(3);
    }

    function twoAgainstOne() private {
        register(SMALL, 1);
        register(LARGE, 2);
        open();
        summon();
        assertEq(seatsOf(LARGE), 2);
        assertEq(seatsOf(SMALL), 1);
    }

    function pair() private view returns (address[] memory jury) {
        jury = new address[](2);
        (jury[0], jury[1]) = (LARGE, SMALL);
    }

    function assertStakes(uint256 large, uint256 small) private view {
        assertEq(stakeOf(LARGE), large);
        assertEq(stakeOf(SMALL), small);
        assertEq(judge.jurorOf(LARGE).serving + judge.jurorOf(SMALL).serving, 0);
        assertSolvent(2);
    }
}
