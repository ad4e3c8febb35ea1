//! Packets: read from files and devices, and printed as tcpdump prints them.
//!
//! [`packet`] is one captured packet; [`file`] reads packets from capture
//! files; [`print`] turns packets into lines, a pure function of the packets
//! before it.

pub mod file;
pub mod packet;
pub mod print;
