use std::sync::LazyLock;

use redis::Script;

macro_rules! script {
    ($($file:literal),+) => {
        Script::new(concat!($(include_str!(concat!("lua/", $file))),+))
    };
}

/// What Redis is asked to do in one step.
pub(super) struct Scripts {
    pub(super) insert: Script,
    pub(super) insert_within: Script,
    pub(super) replace: Script,
    pub(super) update: Script,
    pub(super) revoke: Script,
    pub(super) revoke_all: Script,
    pub(super) touch: Script,
    pub(super) list: Script,
    pub(super) find: Script,
    pub(super) prune: Script,
    pub(super) void: Script,
    pub(super) pointer_swap: Script,
    pub(super) pointer_drop: Script,
    pub(super) pointer_keep: Script,
    pub(super) replay: Script,
    pub(super) revocation_put: Script,
    pub(super) revocation_prune: Script,
}

pub(super) static SCRIPTS: LazyLock<Scripts> = LazyLock::new(|| Scripts {
    insert: script!("common.lua", "record.lua", "insert.lua"),
    insert_within: script!("common.lua", "record.lua", "insert_within.lua"),
    replace: script!("common.lua", "record.lua", "replace.lua"),
    update: script!("common.lua", "update.lua"),
    revoke: script!("common.lua", "revoke.lua"),
    revoke_all: script!("common.lua", "revoke_all.lua"),
    touch: script!("common.lua", "touch.lua"),
    list: script!("common.lua", "list.lua"),
    find: script!("find.lua"),
    prune: script!("common.lua", "prune.lua"),
    void: script!("common.lua", "void.lua"),
    pointer_swap: script!("pointer_swap.lua"),
    pointer_drop: script!("pointer_drop.lua"),
    pointer_keep: script!("pointer_keep.lua"),
    replay: script!("common.lua", "replay.lua"),
    revocation_put: script!("common.lua", "revocation_put.lua"),
    revocation_prune: script!("common.lua", "revocation_prune.lua"),
});
