//! Builds libshmq, the library in C that this crate is the face of, and links it statically.
//!
//! `SHMQ_LIB_DIR` names a directory with a libshmq that is installed, to be linked instead.

use std::env;
use std::path::{Path, PathBuf};

fn main() {
    println!("cargo:rerun-if-env-changed=SHMQ_LIB_DIR");
    println!("cargo:rustc-check-cfg=cfg(miri)");
    if env::var_os("DOCS_RS").is_some() || env::var_os("CARGO_CFG_MIRI").is_some() {
        return; // nothing is linked
    }
    let target = env::var("CARGO_CFG_TARGET_OS").unwrap_or_default();
    if target != "linux" {
        fail(&format!("shmq needs Linux 4.16 or later; the target is {target}"));
    }
    if env::var("CARGO_CFG_TARGET_ENDIAN").is_ok_and(|e| e != "little") {
        fail("shmq needs a little-endian machine");
    }
    if let Some(dir) = env::var_os("SHMQ_LIB_DIR") {
        let has = |file| Path::new(&dir).join(file).exists();
        if !has("libshmq.so") && !has("libshmq.a") {
            fail(&format!(
                "SHMQ_LIB_DIR names {}, where there is no libshmq.so and no libshmq.a; unset it to build libshmq",
                Path::new(&dir).display()
            ));
        }
        let (ours, theirs) = (header_version(), package_version(Path::new(&dir)));
        if theirs.as_ref().is_some_and(|v| !v.starts_with(&format!("{ours}."))) {
            fail(&format!(
                "SHMQ_LIB_DIR names {}, where there is libshmq {}, and this crate is for {ours}; unset it to build libshmq",
                Path::new(&dir).display(),
                theirs.unwrap_or_default()
            ));
        }
        println!("cargo:rustc-link-search=native={}", Path::new(&dir).display());
        println!("cargo:rustc-link-lib=shmq");
        return;
    }
    let c = sources();
    let mut files: Vec<PathBuf> = match c.join("src").read_dir() {
        Ok(entries) => entries.flatten().map(|e| e.path()).collect(),
        Err(e) => fail(&format!(
            "the sources of libshmq are not in {}: {e}; in the repository clients/rust/libshmq is a symbolic link to \
             clients/c (git config core.symlinks true, and check out again), and a package that was made without it \
             lacks them",
            c.display()
        )),
    };
    files.retain(|f| f.extension().is_some_and(|x| x == "c"));
    files.sort();
    println!("cargo:rerun-if-changed={}", c.join("src").display());
    println!("cargo:rerun-if-changed={}", c.join("include").display());
    let mut build = cc::Build::new();
    build
        .files(files)
        .std("gnu11")
        .define("_GNU_SOURCE", None)
        .include(c.join("include"))
        .warnings(false)
        .flag_if_supported("-fvisibility=hidden");
    // Unoptimised atomics and copies are no queue that anybody wants to wait for.
    if env::var("OPT_LEVEL").is_ok_and(|l| l == "0") {
        build.opt_level(2);
    }
    if let Err(e) = build.try_compile("shmq") {
        fail(&format!("libshmq could not be built: it needs {}: {e}", compiler()));
    }
    println!("cargo:include={}", c.join("include").display());
}

/// The library's directory: in the repository beside this one, in a package inside.
fn sources() -> PathBuf {
    let here = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets CARGO_MANIFEST_DIR"));
    let linked = here.join("libshmq");
    if linked.join("src").is_dir() {
        return linked;
    }
    here.join("../c") // a checkout without symbolic links
}

/// The major and minor version of the library whose structures the crate knows.
fn header_version() -> String {
    let header = std::fs::read_to_string(sources().join("include/shmq.h")).unwrap_or_default();
    let number = |name: &str| {
        let line = header
            .lines()
            .find_map(|l| l.strip_prefix(&format!("#define SHMQ_VERSION_{name} ")));
        line.unwrap_or_default().trim().to_owned()
    };
    format!("{}.{}", number("MAJOR"), number("MINOR"))
}

/// The version of an installed library, as it tells pkg-config.
fn package_version(dir: &Path) -> Option<String> {
    let package = std::fs::read_to_string(dir.join("pkgconfig/shmq.pc")).ok()?;
    let version = package.lines().find_map(|l| l.strip_prefix("Version: "))?;
    Some(version.trim().to_owned())
}

/// What the build needs and how to come by it.
fn compiler() -> String {
    let (host, target) = (
        env::var("HOST").unwrap_or_default(),
        env::var("TARGET").unwrap_or_default(),
    );
    if host == target {
        return "a compiler for C11 (Debian: apt-get install gcc libc6-dev; CC names another one)".into();
    }
    let mut parts = target.split('-');
    let arch = match parts.next().unwrap_or_default() {
        "riscv64gc" => "riscv64".into(),
        "armv7" => "arm".into(),
        other => other.replace('_', "-"),
    };
    let package = match parts.next_back().unwrap_or_default() {
        "musl" => "musl-tools".into(),
        libc => format!("gcc-{arch}-linux-{libc}"),
    };
    let variable = target.replace('-', "_");
    format!("a compiler for C11 that builds for {target} (Debian: apt-get install {package}; CC_{variable} names another one)")
}

fn fail(why: &str) -> ! {
    eprintln!("shmq: {why}");
    std::process::exit(1)
}
