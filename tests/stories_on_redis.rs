//! The stories of `support/stories`, of one node on a real Redis, and of three.

#[path = "support/nodes.rs"]
mod nodes;
#[path = "support/stories/mod.rs"]
mod stories;

stories_on! {
    one_node: crate::nodes::on_redis(1);
    three_nodes: crate::nodes::on_redis(3);
}
