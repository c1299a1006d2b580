//! Stories of the life of a token as clients live it: told once, over HTTP and over gRPC, of one node or of
//! three. [`stories_on!`] tells them over databases.
//!
//! `support/life` has the stories that no client sees: what the issuers of one node promise in a race, and
//! how digests move.
#![allow(dead_code, clippy::unwrap_used, unreachable_pub)]

#[path = "../answers.rs"]
pub mod answers;
pub mod caller;
#[path = "../challenge.rs"]
pub mod challenge;
pub mod ending;
#[path = "../fresh.rs"]
pub mod fresh;
pub mod grpc;
pub mod house;
pub mod http;
pub mod keys;
pub mod renewal;
pub mod sessions;
pub mod site;
#[path = "../wire.rs"]
pub mod wire;

/// Has every story told, over both transports, of each place: a name, and an expression that gives the
/// backends of its nodes, if there is such a database.
#[macro_export]
macro_rules! stories_on {
    ($($place:ident: $backends:expr;)*) => {
        $(
            mod $place {
                mod over_http {
                    $crate::stories_over! { Http, $backends }
                }
                mod over_grpc {
                    $crate::stories_over! { Grpc, $backends }
                }
            }
        )*
    };
}

/// Has every story told over one transport.
#[macro_export]
macro_rules! stories_over {
    ($transport:ident, $backends:expr) => {
        $crate::stories_over! { $transport, $backends;
            ending: each_token_is_over_at_its_exact_end,
            ending: a_token_is_ended_by_its_id_whatever_its_kind,
            ending: nobody_can_tell_why_a_token_is_refused,
            ending: nobody_can_tell_why_a_refresh_token_is_refused,
            keys: a_rotated_key_is_good_until_the_overlap_is_over,
            keys: a_key_that_was_lost_is_rotated_at_once,
            renewal: a_refresh_token_buys_the_next_and_a_retry_the_same,
            renewal: tabs_that_renew_at_several_nodes_at_once_log_nobody_out,
            renewal: a_spent_refresh_token_ends_its_family_and_no_other,
            renewal: logging_out_ends_the_access_token_and_the_renewals,
            renewal: a_logout_wins_over_renewals_at_other_nodes,
            renewal: an_extended_jwt_leaves_the_old_one_good_and_ends_with_the_login,
            sessions: a_login_is_good_at_every_node,
            sessions: each_use_slides_a_session_up_to_its_absolute_limit,
            sessions: a_session_left_alone_is_over_to_the_millisecond,
            sessions: a_request_that_is_turned_away_is_no_use,
            sessions: logging_out_here_ends_this_session_alone,
            sessions: a_listing_tells_sessions_apart_and_the_others_are_ended,
            sessions: logging_out_everywhere_ends_what_came_of_logins,
        }
    };
    ($transport:ident, $backends:expr; $($topic:ident: $story:ident,)*) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $story() {
                let Some(backends) = $backends.await else {
                    return;
                };
                let transport = $crate::stories::site::Transport::$transport;
                let site = $crate::stories::site::Site::open(backends, transport).await;
                $crate::stories::$topic::$story(site).await;
            }
        )*
    };
}
