#include "engine/cli/views.h"

#include <array>

namespace sluice::cli {
namespace {

using Of = ViewTotal::Of;
using enum ViewForm;

constexpr std::string_view kAllCores = "all";

// ------------------------------------------------------------------------------------------ the relay

constexpr std::array kStatusColumns = std::to_array<ViewColumn>({{"core", "core", count},
                                                                 {"state", "state"},
                                                                 {"sessions", "sessions", count},
                                                                 {"deliveries", "deliveries", count},
                                                                 {"taken", "taken", count},
                                                                 {"deferred", "deferred", count},
                                                                 {"refused", "refused", count},
                                                                 {"next_hop_live", "next_hop_live", count},
                                                                 {"next_hop_idle", "next_hop_idle", count},
                                                                 {"waiting", "waiting", count},
                                                                 {"queued", "queued", count},
                                                                 {"spool", "spool"}});
constexpr std::array kStatusTotals = std::to_array<ViewTotal>({{"state", "state", Of::words},
                                                               {"sessions", "sessions"},
                                                               {"deliveries", "deliveries"},
                                                               {"taken", "taken"},
                                                               {"deferred", "deferred"},
                                                               {"refused", "refused"},
                                                               {"next_hop_live", "next_hop_live"},
                                                               {"next_hop_idle", "next_hop_idle"},
                                                               {"waiting", "waiting"},
                                                               {"queued", "queued"},
                                                               {"spool", "spool", Of::words}});
static_assert(kStatusColumns.size() == 1 + kStatusTotals.size());

constexpr std::array kPoolsColumns = std::to_array<ViewColumn>({{"core", "core", count},
                                                                {"destination", "destination"},
                                                                {"host", "host"},
                                                                {"live", "live", count},
                                                                {"idle", "idle", count},
                                                                {"failures", "failures", count},
                                                                {"last_error", "last_error"}});
constexpr std::array kPoolsTotals = std::to_array<ViewTotal>(
    {{"live", "live"}, {"idle", "idle"}, {"failures", "failures"}, {"last_error", "last_error", Of::any, text}});
constexpr std::array kPoolsGroups =
    std::to_array<ViewGroup>({{"destination", "destination"}, {"host", "host"}, {"reason", "last_error"}});

constexpr std::array kCountersColumns =
    std::to_array<ViewColumn>({{"core", "core", count}, {"name", "name"}, {"value", "value", count}});
constexpr std::array kCountersGroups = std::to_array<ViewGroup>({{"name", "name"}});
constexpr std::array kCountersTotals = std::to_array<ViewTotal>({{"value", "value"}});

// ------------------------------------------------------------------------------------------ the queue

constexpr std::array kQueueColumns = std::to_array<ViewColumn>({{"id", "id"},
                                                                {"state", "state"},
                                                                {"age", "arrived_ms", age},
                                                                {"next_try", "due_ms", wait},
                                                                {"tries", "tries", count},
                                                                {"bytes", "bytes", count},
                                                                {"customer", "customer"},
                                                                {"sender", "sender", address},
                                                                {"recipients", "recipients", first},
                                                                {"last_response", "last_response", reason}});
constexpr std::array kQueueGroups = std::to_array<ViewGroup>({{"customer", "customer"},
                                                              {"account", "account"},
                                                              {"destination", "destinations"},
                                                              {"reason", "last_response", reason}});
constexpr std::array kQueueTotals = std::to_array<ViewTotal>({{"messages", "", Of::rows},
                                                              {"recipients", "recipients", Of::size},
                                                              {"bytes", "bytes"},
                                                              {"oldest", "arrived_ms", Of::first, age}});

constexpr std::array kDestinationsColumns = std::to_array<ViewColumn>({{"core", "core", count},
                                                                       {"destination", "destination"},
                                                                       {"jobs", "jobs", count},
                                                                       {"ready", "ready", count},
                                                                       {"running", "running", count},
                                                                       {"held", "held", count},
                                                                       {"window", "window", count},
                                                                       {"suspended_s", "suspended_s", count},
                                                                       {"last_response", "last_response"}});
constexpr std::array kDestinationsTotals =
    std::to_array<ViewTotal>({{"jobs", "jobs"},
                              {"ready", "ready"},
                              {"running", "running"},
                              {"held", "held"},
                              {"window", "window"},
                              {"suspended_s", "suspended_s", Of::most},
                              {"last_response", "last_response", Of::any, text}});
constexpr std::array kDestinationsGroups =
    std::to_array<ViewGroup>({{"destination", "destination"}, {"reason", "last_response"}});

// ------------------------------------------------------------------------------------------ who sends

constexpr std::array kSessionsColumns = std::to_array<ViewColumn>({{"core", "core", count},
                                                                   {"id", "id", count},
                                                                   {"client", "client"},
                                                                   {"listener", "listener"},
                                                                   {"customer", "customer"},
                                                                   {"account", "account"},
                                                                   {"tls", "tls"},
                                                                   {"seconds", "seconds", count},
                                                                   {"bytes", "bytes", count},
                                                                   {"messages", "messages", count},
                                                                   {"message", "message"},
                                                                   {"waits_for", "waits_for"}});
constexpr std::array kSessionsGroups = std::to_array<ViewGroup>(
    {{"customer", "customer"}, {"account", "account"}, {"host", "client", host}, {"reason", "waits_for"}});
constexpr std::array kSessionsTotals = std::to_array<ViewTotal>({{"sessions", "", Of::rows},
                                                                 {"messages", "messages"},
                                                                 {"bytes", "bytes"},
                                                                 {"longest_seconds", "seconds", Of::most}});

constexpr std::array kShieldColumns = std::to_array<ViewColumn>({{"kind", "kind"},
                                                                 {"effect", "effect"},
                                                                 {"failures", "failures", count},
                                                                 {"seconds_left", "seconds_left", count},
                                                                 {"subject", "subject"}});

constexpr std::array kWindowsColumns = std::to_array<ViewColumn>({{"subject", "subject"},
                                                                  {"quantity", "quantity"},
                                                                  {"window", "window"},
                                                                  {"used", "used", count},
                                                                  {"limit", "limit", count},
                                                                  {"left", "left", count},
                                                                  {"used_here", "used_here", count},
                                                                  {"scope", "scope"},
                                                                  {"name", "name"}});
constexpr std::array kSendersColumns = std::to_array<ViewColumn>({{"most", "most"},
                                                                  {"subject", "subject"},
                                                                  {"networks", "networks", count},
                                                                  {"answered", "answered", count},
                                                                  {"unknown", "unknown", count},
                                                                  {"unknown_percent", "unknown_percent", count},
                                                                  {"large_messages", "large_messages", count},
                                                                  {"refused", "refused", count},
                                                                  {"held", "held", count},
                                                                  {"name", "name"},
                                                                  {"customer", "customer"}});
constexpr std::array kSendersGroups = std::to_array<ViewGroup>({{"customer", "customer"}, {"account", "name"}});
constexpr std::array kSendersTotals = std::to_array<ViewTotal>({{"accounts", "", Of::rows},
                                                                {"answered", "answered"},
                                                                {"unknown", "unknown"},
                                                                {"large_messages", "large_messages"},
                                                                {"refused", "refused"},
                                                                {"held", "held"}});
constexpr std::array kDecisionsColumns = std::to_array<ViewColumn>({{"at", "at", stamp},
                                                                    {"event", "event"},
                                                                    {"id", "id"},
                                                                    {"account", "account"},
                                                                    {"reason", "reason"},
                                                                    {"figures", "figures"}});

}  // namespace

constinit const View kStatusView{
    .name = "status", .columns = kStatusColumns, .totals = kStatusTotals, .per_core = true, .total_row = kAllCores};
constinit const View kPoolsView{.name = "pools",
                                .columns = kPoolsColumns,
                                .groups = kPoolsGroups,
                                .totals = kPoolsTotals,
                                .per_core = true,
                                .sum_by = std::span(kPoolsGroups).first(2)};
constinit const View kCountersView{.name = "counters",
                                   .columns = kCountersColumns,
                                   .totals = kCountersTotals,
                                   .per_core = true,
                                   .sum_by = kCountersGroups};
constinit const View kQueueListView{.name = "queue list",
                                    .columns = kQueueColumns,
                                    .groups = kQueueGroups,
                                    .totals = kQueueTotals,
                                    .order = "next_try",
                                    .if_none = "no such message"};
constinit const View kQueueDestinationsView{.name = "queue destinations",
                                            .columns = kDestinationsColumns,
                                            .groups = kDestinationsGroups,
                                            .totals = kDestinationsTotals,
                                            .per_core = true,
                                            .sum_by = std::span(kDestinationsGroups).first(1),
                                            .order = "jobs"};
constinit const View kMessageView{.name = "queue show", .if_none = "no such message"};
constinit const View kReviewView{.name = "review", .if_none = "nothing is on hold"};
constinit const View kContentView{.name = "queue show --message"};
constinit const View kNoticedView{.name = "noticed"};
constinit const View kSessionsView{.name = "sessions list",
                                   .columns = kSessionsColumns,
                                   .groups = kSessionsGroups,
                                   .totals = kSessionsTotals,
                                   .order = "seconds"};
constinit const View kShieldView{.name = "shield list", .columns = kShieldColumns, .order = "failures"};
constinit const View kUsageWindowsView{.name = "usage", .columns = kWindowsColumns};
constinit const View kUsageSendersView{
    .name = "usage", .columns = kSendersColumns, .groups = kSendersGroups, .totals = kSendersTotals};
constinit const View kUsageDecisionsView{.name = "usage", .columns = kDecisionsColumns};

}  // namespace sluice::cli
