//! The stories of `support/stories`, of one node that keeps tokens in memory.

#[path = "support/nodes.rs"]
mod nodes;
#[path = "support/stories/mod.rs"]
mod stories;

stories_on! {
    one_node: crate::nodes::in_memory();
}
