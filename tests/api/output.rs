//! Parts of the output of a task and the search in it, beside the reference's whole.

use semaphore_tests::{Project, Server, git_repository};
use serde_json::{Value, json};

#[test]
fn a_part_of_the_output_and_a_search_in_it() {
    let server = Server::start();
    let repository = server.directory().join("repository");
    let script =
        "seq -f 'line %.0f' 1 3000; printf '\\033[31mFatal\\033[0m: no host\\n'; seq -f 'line %.0f' 3001 5000\n";
    git_repository(&repository, &[("lines.sh", script)]);
    let admin = server.admin();
    let project = Project::create(&admin, repository.to_str().unwrap());
    let (row, all) = project.run(&admin, "bash", "lines.sh");
    let path = format!("/api/project/{}/tasks/{}/output", project.id, row["id"]);
    let part = |query: &str| -> Vec<Value> {
        let rows = admin.get(&format!("{path}?{query}")).expect(200).json();
        rows.as_array().unwrap().clone()
    };
    let texts = |rows: Vec<Value>| -> Vec<String> {
        rows.iter().map(|row| row["output"].as_str().unwrap().to_owned()).collect()
    };

    // The reference's answer stays what it was, also with parameters that mean nothing.
    let whole = admin.get(&path).expect(200);
    assert_eq!(whole.body, admin.get(&format!("{path}?extended=true&page=1")).expect(200).body);
    let keys = |row: &Value| row.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(keys(&whole.json()[0]), keys(&part("limit=1")[0]));
    assert_eq!((&whole.json()[0]["id"], all.len() > 5_001), (&json!(0), true));

    assert_eq!(texts(part("limit=10")), all[..10]);
    assert_eq!(texts(part("limit=10&offset=2500")), all[2500..2510]);
    assert_eq!(texts(part("offset=4999")), all[4999..]);
    assert_eq!(texts(part("tail=500")), all[all.len() - 500..]);
    let last = part("tail=3");
    assert_eq!(texts(part(&format!("since_id={}", last[0]["id"]))), all[all.len() - 2..]);
    assert_eq!(texts(part(&format!("since_id={}", last[2]["id"]))), Vec::<String>::new());
    for bad in
        ["limit=0", "limit=-1", "limit=many", "tail=10001", "tail=0", "since_id=x", "offset=-2", "limit=1&tail=1"]
    {
        let refusal = admin.get(&format!("{path}?{bad}")).expect(400).json();
        assert!(refusal["error"].as_str().unwrap().contains(bad.split('=').next().unwrap()), "{bad}: {refusal}");
    }

    let search = |query: &str| admin.get(&format!("{path}/search?{query}"));
    let place = all.iter().position(|line| line.contains("Fatal")).unwrap();
    let found = search("q=fatal:%20NO&ignore_case=true").expect(200).json();
    assert_eq!((&found["complete"], &found["last_line"]), (&json!(true), &json!(all.len())));
    assert_eq!(found["hits"].as_array().unwrap().len(), 1);
    assert_eq!(found["hits"][0]["line"], place + 1);
    assert_eq!(found["hits"][0]["output"], "Fatal: no host");
    assert_eq!(texts(part(&format!("limit=1&since_id={}", found["hits"][0]["id"]))), ["line 3001"]);
    let found = search("q=line%2050&limit=2").expect(200).json();
    assert_eq!((&found["complete"], found["hits"].as_array().unwrap().len()), (&json!(false), 2));
    let found = search(&format!("q=line%2050&after_line={}", found["last_line"])).expect(200).json();
    assert_eq!(found["hits"].as_array().unwrap().len(), 10, "502 to 509, 5000, and 50 itself before: {found}");
    for bad in ["", "q=", "q=a%0Ab", "q=a&limit=0", "q=a&limit=10001", "q=a&after_line=-1"] {
        search(bad).expect(400);
    }
    let stranger = server.anonymous();
    assert_eq!(stranger.get(&format!("{path}/search?q=a")).status, 401);
    let other = Project::create(&admin, repository.to_str().unwrap());
    let elsewhere = format!("/api/project/{}/tasks/{}/output", other.id, row["id"]);
    admin.get(&format!("{elsewhere}?tail=1")).expect(400);
    admin.get(&format!("{elsewhere}/search?q=a")).expect(400);
}
