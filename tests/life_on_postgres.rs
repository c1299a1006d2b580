//! The stories of `support/life`, over a real PostgreSQL with a node in front.

#[path = "support/life/mod.rs"]
mod life;
#[path = "support/nodes.rs"]
mod nodes;

life_on!(match nodes::on_postgres(1).await {
    Some(backends) => nodes::in_front_of(backends),
    None => return,
});
