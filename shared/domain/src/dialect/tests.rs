use super::*;
#[test]
fn probe() {
    let base = include_str!("../../../../infra/providers/partner-hmac.toml");
    for text in [
        "x".to_owned(),
        base.replace("[answers]", "").replace("algorithm =", "algorithm = \"md5\"\nalgo ="),
        base.replace("hmac_sha256", "md5"),
        base.replace("[envelope]", "[envelope]\nevnts = 1"),
        "name = \"a\"\ntitle=\"x\"\nextends = \"partner-hmac\"\nfoo = 1".to_owned(),
        "name = \"a\"\ntitle=\"x\"\nextends = \"partner-hmac\"\n[answers]\nfoo = 1".to_owned(),
        "name = \"a\"\ntitle=\"x\"\nextends = 5".to_owned(),
        "name = \"a\"\ntitle=\"x\"".to_owned(),
        base.replace("shape = { plain = { prefix = \"sha256=\" } }", "shape = { plain = { prefx = \"sha256=\" } }"),
        base.replace("shape = { plain = { prefix = \"sha256=\" } }", "shape = { pairs = { separator = \"ab\" } }"),
        base.replace("fact = \"pending\"", "fact = \"pendng\""),
        base.replace("past_seconds_max = 300", "past_seconds_max = \"300\""),
        base.replace("map = { pending = \"pending\", succeeded", "map = { pending = \"pendng\", succeeded"),
        base.replace("movement = \"withdrawn\"", "movement = \"gone\""),
        base.replace("{ payment = \"p1\", fact = { kind = \"captured\"", "{ payment = \"p1\", fact = { kind = \"captred\""),
        base.replace("minor = 250", "minor = 251"),
        base.replace("id = \"$.refund\"", "id = 5"),
    ] {
        match Dialect::parse(&text) { Ok(_) => println!("OK?\n"), Err(e) => println!("{e}\n---") }
    }
}
