//! H.264 byte streams (ITU-T H.264 7.3.1, Annex B).
