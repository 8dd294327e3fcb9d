//! Prints.
use lacuna_peers::{case::*, mkl::*, peers::*, race::*};
fn main() {
    let mkl = Mkl::open(if std::env::args().any(|a| a=="--intel") { CodePath::Intel } else { CodePath::Own }).map_err(|e| eprintln!("{e}")).ok();
    if let Some(m) = &mkl { println!("{}", m.version()); }
    let quick=std::env::var("QUICK").is_ok();
    for tokens in [1, 32, 128] {
        for shape in SHAPES { for d in DENSITIES {
            if quick && !(shape==(256,256)&&(d==10||d==50)) { continue; }
            let case = Case::new(shape, d, tokens);
            let mut all = peers(&case, mkl.as_ref());
            let t = race(&mut all, Pace{rounds: 81, ..Pace::default()});
            print!("{:>9} {d:>3}% T={tokens:<3}", format!("{}x{}", shape.0, shape.1));
            for (e, t) in all.iter().zip(&t) { print!("  {} {:.3}", e.name, t / case.work() as f64); }
            println!();
        }}
    }
    if let Ok(m) = std::fs::read_to_string("/proc/self/maps") { for l in m.lines().filter(|l| l.contains("libmkl") && l.contains("r-xp")) { println!("{}", l.rsplit('/').next().unwrap_or("")); } }
}
