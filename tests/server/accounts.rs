//! Staff accounts by the operator's command line: made once, with a one-time password, within bounds, and recorded.

use crate::common;

use common::{World, lww};

fn create(config: &str, arguments: &[&str]) -> (bool, String) {
    lww(&[&["admin", "create", "--config", config], arguments].concat())
}

#[tokio::test]
async fn an_operator_makes_an_agent_who_must_change_the_one_time_password() {
    let world = World::private();
    let server = world.start("one");
    let config = world.path().join("one.toml").display().to_string();
    let (made, said) = create(&config, &["--login", "lin", "--name", "小林", "--role", "agent", "--tenant", "other"]);
    assert!(made, "{said}");
    let password = said.lines().next().unwrap().rsplit(' ').next().unwrap().to_owned();
    let desk = server.staff_with("other", "lin", &password).await;
    let session = desk.session().await.unwrap();
    assert_eq!((session.role.as_str(), session.name.as_str()), ("agent", "小林"));
    desk.set_online(true).await.unwrap();
    server.stop();
}

#[test]
fn what_is_out_of_bounds_makes_no_account() {
    let world = World::private();
    let server = world.start("one");
    let config = world.path().join("one.toml").display().to_string();
    let cases: [(&[&str], &str); 5] = [
        (&["--login", "x", "--role", "customer"], "the role must be"),
        (&["--login", "x", "--role", "boss"], "the role must be"),
        (&["--login", "x", "--role", "agent", "--capacity", "1001"], "capacity"),
        (&["--login", "", "--role", "agent"], "login"),
        (&["--login", "agent", "--role", "agent"], "exists"),
    ];
    for (arguments, expected) in cases {
        let (made, said) = create(&config, arguments);
        assert!(!made && said.contains(expected), "{arguments:?}: {said}");
    }
    let (made, said) = create(&config, &["--login", "x", "--role", "agent", "--tenant", "nobody"]);
    assert!(!made && said.contains("no tenant"), "{said}");
    server.stop();
}
