//! Ethernet, IPv4 and IPv6 down to TCP and UDP.
