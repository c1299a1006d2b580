//! The stories of `support/life`, over an SQLite file with a node in front.

#[path = "support/life/mod.rs"]
mod life;
#[path = "support/nodes.rs"]
mod nodes;

life_on!(match nodes::on_sqlite(1).await {
    Some(backends) => nodes::in_front_of(backends),
    None => return,
});
