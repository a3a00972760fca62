//! Compiles the C++ sources, and tells tests and examples where libtorch is.

use std::env;
use std::path::{Path, PathBuf};

fn main() {
    println!("cargo:rustc-check-cfg=cfg(unifocal_openmp)");
    println!("cargo:rerun-if-changed=src/ffi/attach.cpp");
    println!("cargo:rerun-if-changed=src/ffi/threads.cpp");
    for variable in [
        "DOCS_RS",
        "LIBTORCH",
        "LIBTORCH_INCLUDE",
        "LIBTORCH_CXX11_ABI",
    ] {
        println!("cargo:rerun-if-env-changed={variable}");
    }
    // docs.rs has no libtorch.
    if env::var_os("DOCS_RS").is_some() {
        return;
    }
    // torch-sys tells where the libraries are. The headers are next to them, unless LIBTORCH_INCLUDE is set.
    let library = env::var_os("DEP_TCH_LIBTORCH_LIB").map(PathBuf::from);
    if let Some(library) = &library
        && env::var("CARGO_CFG_TARGET_OS").is_ok_and(|os| os == "linux")
    {
        println!("cargo:rustc-link-arg=-Wl,-rpath,{}", library.display());
    }
    let root = env::var_os("LIBTORCH_INCLUDE")
        .map(PathBuf::from)
        .or_else(|| {
            library
                .as_deref()
                .and_then(Path::parent)
                .map(Path::to_owned)
        })
        .or_else(|| env::var_os("LIBTORCH").map(PathBuf::from))
        .unwrap_or_else(|| PathBuf::from("/usr"));
    let abi = env::var("LIBTORCH_CXX11_ABI").unwrap_or_else(|_| "1".to_owned());
    let mut build = cc::Build::new();
    build
        .cpp(true)
        .std("c++17")
        .pic(true)
        .warnings(false)
        .define("_GLIBCXX_USE_CXX11_ABI", abi.as_str())
        .include(root.join("include"))
        .include(root.join("include/torch/csrc/api/include"))
        .file("src/ffi/attach.cpp")
        .file("src/ffi/threads.cpp");
    // libtorch uses GCC's OpenMP, which torch-sys links. Other compilers have their own; with them, rayon's threads are used.
    if build.get_compiler().is_like_gnu() {
        build.flag("-fopenmp");
        println!("cargo:rustc-cfg=unifocal_openmp");
    }
    build.compile("unifocal_tch");
}
