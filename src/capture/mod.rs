//! Packets: read from files and devices, printed as tcpdump prints them, and
//! written to files.
//!
//! [`packet`] is one captured packet; [`file`] reads packets from capture
//! files; [`filter`] chooses among them; [`print`] turns packets into lines, a
//! pure function of the packets before it; [`write`] writes capture files;
//! [`sink`] is what takes packets, whatever it does with them.

pub mod file;
pub mod filter;
pub mod finding;
pub mod packet;
pub mod print;
pub mod sink;
pub mod write;
