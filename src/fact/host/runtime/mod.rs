//! Container runtimes: which there are, and their effective configuration.
