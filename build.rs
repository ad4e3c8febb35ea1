//! The rules are part of the binary: a new or changed one builds it anew.

fn main() {
    println!("cargo:rerun-if-changed=rules");
    println!("cargo:rerun-if-changed=build.rs");
}
