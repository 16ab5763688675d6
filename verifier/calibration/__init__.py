"""How far honest work lies from its recomputation, how far cheats lie, and the thresholds between the two.

Pure: columns, rules, bounds, choice, tally, document, picture. Measuring: engines, cheats, parts, measure.
"""
