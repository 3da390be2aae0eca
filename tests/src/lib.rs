//! The tests of the whole are in `it`, so that they are linked once: end to end on the local stack, and our verifier beside
//! other people's. The simulator is in `sim`, the exhaustive model in `model`.
