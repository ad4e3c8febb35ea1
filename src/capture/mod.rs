//! Packets: read from files and devices, printed as tcpdump prints them, and
//! written to files.
//!
//! [`packet`] is one captured packet; [`file`] reads packets from capture
//! files; [`print`] turns packets into lines, a pure function of the packets
//! before it; [`write`] writes capture files.

pub mod file;
pub mod packet;
pub mod print;
pub mod write;
