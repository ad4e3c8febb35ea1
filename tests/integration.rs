//! All integration tests in one program, so that the library is linked once.

mod capture;
mod capture_cluster;
mod capture_fault;
mod capture_finding;
mod capture_live;
mod capture_write;
mod cases;
mod ci_examples;
mod cli;
mod cluster;
mod clusters;
mod explain;
mod facts;
mod fuzz;
mod gate;
mod gate_live;
mod hostile;
mod house_rules;
mod kubernetes;
mod objects;
mod reports;
mod reports_hostile;
mod reports_html;
mod reports_readers;
mod rules;
mod runtime;
