//! Packets: read from files and devices, printed as tcpdump prints them, and
//! written to files.
//!
//! [`packet`] is one captured packet; [`file`] reads packets from capture
//! files, and [`live`] from the interfaces of a network namespace
//! ([`netns`]). [`target`] finds the namespace that is meant among the pods and
//! containers of this node ([`workload`]), and [`list`] shows all of them.
//! [`filter`] chooses among packets, [`direction`] says which way they went; [`sink`] is what takes them: [`print`] turns
//! them into lines, a pure function of the packets before; [`write`] writes
//! capture files; [`finding`] says what is wrong with the traffic.

pub mod direction;
pub mod file;
pub mod filter;
pub mod finding;
pub mod list;
pub mod live;
pub mod netns;
pub mod packet;
pub mod print;
pub mod remote;
pub mod sink;
pub mod target;
pub mod workload;
pub mod write;
