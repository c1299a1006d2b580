//! The stories of `support/stories`, of one node on an SQLite file, and of two on the same one.

#[path = "support/nodes.rs"]
mod nodes;
#[path = "support/stories/mod.rs"]
mod stories;

stories_on! {
    one_node: crate::nodes::on_sqlite(1);
    two_nodes: crate::nodes::on_sqlite(2);
}
