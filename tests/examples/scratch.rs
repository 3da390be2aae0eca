fn main(){
    let args:Vec<u64>=std::env::args().skip(1).map(|a|a.parse().unwrap()).collect();
    let t=std::time::Instant::now();
    let mut tally=countersign_tests::world::Tally::default();
    let mut steps=0; let mut bad=0; let mut maxsteps=0;
    if args.len()==1 { let e=countersign_tests::world::run(args[0],true); println!("{}",e.trace); println!("steps {} {:?}",e.steps,e.violation); return; }
    for seed in args[0]..args[1] {
        let e=countersign_tests::world::run(seed,false);
        tally.add(&e.tally); steps+=e.steps; maxsteps=maxsteps.max(e.steps);
        if let Some(v)=e.violation { bad+=1; if bad<12 { println!("seed {seed}: {v:?}"); } }
    }
    println!("{tally}\nsteps {steps} max {maxsteps} bad {bad} in {:?}",t.elapsed());
}
