//! What is asked, and where the answer goes.
