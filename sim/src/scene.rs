//! The picture and its mark.
