//! The stories of `support/stories`, of one node on a real PostgreSQL, and of three.

#[path = "support/nodes.rs"]
mod nodes;
#[path = "support/stories/mod.rs"]
mod stories;

stories_on! {
    one_node: crate::nodes::on_postgres(1);
    three_nodes: crate::nodes::on_postgres(3);
}
