//! Which vector instructions to use, chosen at run time, and the macro that compiles one function for each.
//!
//! Code is built for the baseline CPU. A hot loop is written once as plain Rust over slices and arrays inside
//! [`simd_paths!`](crate::simd_paths); the compiler vectorises it for every path. Rust never reorders or contracts floating-point
//! operations, so all paths give the same bits. `SMML_SIMD=portable|avx2|avx512` limits the choice from outside,
//! [`with_path`] inside a test.

mod aligned;
pub mod lanes;

pub use aligned::AlignedWords;

use std::{cell::Cell, sync::OnceLock};

/// A set of vector instructions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Path {
    /// What the target's baseline has.
    Portable,
    /// AVX2 (256 bits), with POPCNT.
    Avx2,
    /// AVX-512 F, BW, DQ, VL (512 bits), with POPCNT.
    Avx512,
}

impl Path {
    /// All paths that this machine can run, slowest first.
    pub fn available() -> Vec<Path> {
        [Path::Portable, Path::Avx2, Path::Avx512].into_iter().filter(|p| *p <= detected()).collect()
    }
    /// The name used in `SMML_SIMD` and in manifests.
    pub fn name(self) -> &'static str {
        match self {
            Path::Portable => "portable",
            Path::Avx2 => "avx2",
            Path::Avx512 => "avx512",
        }
    }
}

fn detected() -> Path {
    static DETECTED: OnceLock<Path> = OnceLock::new();
    *DETECTED.get_or_init(|| {
        #[cfg(target_arch = "x86_64")]
        {
            let avx512 = std::is_x86_feature_detected!("avx512f")
                && std::is_x86_feature_detected!("avx512bw")
                && std::is_x86_feature_detected!("avx512dq")
                && std::is_x86_feature_detected!("avx512vl");
            // Every CPU with AVX2 counts bits in one instruction; that is a feature of its own all the same.
            let popcnt = std::is_x86_feature_detected!("popcnt");
            let best = if !popcnt {
                Path::Portable
            } else if avx512 {
                Path::Avx512
            } else if std::is_x86_feature_detected!("avx2") {
                Path::Avx2
            } else {
                Path::Portable
            };
            let allowed = match std::env::var("SMML_SIMD").as_deref() {
                Ok("portable") => Path::Portable,
                Ok("avx2") => Path::Avx2,
                _ => Path::Avx512,
            };
            best.min(allowed)
        }
        #[cfg(not(target_arch = "x86_64"))]
        Path::Portable
    })
}

thread_local! {
    static FORCED: Cell<Option<Path>> = const { Cell::new(None) };
}

/// The path to use on this thread: the best the machine has, unless [`with_path`] asks for less.
#[inline]
pub fn path() -> Path {
    FORCED.get().unwrap_or_else(detected)
}

/// Runs `f` with a given path on this thread (and on no other). A path the machine lacks is lowered to one it has.
pub fn with_path<T>(path: Path, f: impl FnOnce() -> T) -> T {
    struct Restore(Option<Path>);
    impl Drop for Restore {
        fn drop(&mut self) {
            FORCED.set(self.0);
        }
    }
    let _restore = Restore(FORCED.replace(Some(path.min(detected()))));
    f()
}

/// Compiles a function for every [`Path`] and calls the right one.
///
/// ```
/// smml_core::simd_paths! {
///     /// y += a x
///     pub fn axpy(a: f32, x: &[f32], y: &mut [f32]) {
///         for (y, x) in y.iter_mut().zip(x) {
///             *y += a * x;
///         }
///     }
/// }
/// let mut y = [1.0; 20];
/// axpy(2.0, &[3.0; 20], &mut y);
/// assert_eq!(y, [7.0; 20]);
/// ```
#[macro_export]
macro_rules! simd_paths {
    ($($(#[$meta:meta])* $vis:vis fn $name:ident $(<const $n:ident: $nt:ty>)? (
        $($arg:ident: $ty:ty),* $(,)?
    ) $(-> $ret:ty)? $body:block)*) => {$(
        $(#[$meta])*
        $vis fn $name $(<const $n: $nt>)? ($($arg: $ty),*) $(-> $ret)? {
            #[inline(always)]
            fn portable $(<const $n: $nt>)? ($($arg: $ty),*) $(-> $ret)? $body
            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx2,popcnt")]
                fn avx2 $(<const $n: $nt>)? ($($arg: $ty),*) $(-> $ret)? {
                    portable $(::<$n>)? ($($arg),*)
                }
                #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,popcnt")]
                fn avx512 $(<const $n: $nt>)? ($($arg: $ty),*) $(-> $ret)? {
                    portable $(::<$n>)? ($($arg),*)
                }
                match $crate::simd::path() {
                    // SAFETY: `path` never returns more than the machine was found to have.
                    $crate::simd::Path::Avx512 => return unsafe { avx512 $(::<$n>)? ($($arg),*) },
                    // SAFETY: as above.
                    $crate::simd::Path::Avx2 => return unsafe { avx2 $(::<$n>)? ($($arg),*) },
                    $crate::simd::Path::Portable => {}
                }
            }
            portable $(::<$n>)? ($($arg),*)
        }
    )*};
}

#[cfg(test)]
mod tests {
    use super::*;

    crate::simd_paths! {
        fn chaos(x: &mut [f64]) {
            for _ in 0..100 {
                for v in x.iter_mut() {
                    *v = 3.9 * *v * (1.0 - *v) + 1e-3;
                }
            }
        }
    }

    #[test]
    fn all_paths_give_the_same_bits() {
        let start: Vec<f64> = (0..37).map(|i| 0.01 + 0.02 * f64::from(i)).collect();
        let results: Vec<Vec<f64>> = Path::available()
            .into_iter()
            .map(|p| {
                let mut x = start.clone();
                with_path(p, || chaos(&mut x));
                x
            })
            .collect();
        for r in &results {
            assert_eq!(r, &results[0]);
        }
    }

    #[test]
    fn forcing_ends_with_its_scope() {
        let before = path();
        with_path(Path::Portable, || assert_eq!(path(), Path::Portable));
        assert_eq!(path(), before);
    }
}
