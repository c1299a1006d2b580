//! The pages themselves.

/// A page, the configuration that it shows, and the tokens that it tells of.
macro_rules! page {
    ($page:literal, $name:literal) => {
        (
            $page,
            include_str!(concat!("../../docs/providers/", $page, ".md")),
            include_str!(concat!("config/", $name, ".rs")),
            include_str!(concat!($name, ".json")),
        )
    };
}

const PAGES: [(&str, &str, &str, &str); 8] = [
    page!("auth0", "auth0"),
    page!("cognito", "cognito"),
    page!("entra-id", "entra_id"),
    page!("github-actions", "github_actions"),
    page!("google", "google"),
    page!("keycloak", "keycloak"),
    page!("kubernetes", "kubernetes"),
    page!("okta", "okta"),
];

#[test]
fn each_page_shows_the_configuration_that_is_tested() {
    for (name, page, config, _) in PAGES {
        let shown: Vec<&str> = page
            .split("```rust\n")
            .skip(1)
            .filter_map(|rest| rest.split("```").next())
            .collect();
        assert_eq!(shown, [config], "docs/providers/{name}.md");
    }
}

#[test]
fn each_page_names_its_sources_and_its_tokens_and_the_index_names_each_page() {
    let index = include_str!("../../docs/providers/README.md");
    for (name, page, _, file) in PAGES {
        assert!(index.contains(&format!("({name}.md)")), "{name}");
        assert!(page.contains("## Sources"), "{name}");
        let file: serde_json::Value = serde_json::from_str(file).unwrap();
        for token in file["tokens"].as_object().unwrap().keys() {
            assert!(page.contains(&format!("`{token}`")), "{name}: {token}");
        }
    }
}
