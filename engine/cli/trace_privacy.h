// What sluicectl trace looks for where the relay does not keep addresses of clients and recipients as they are
// ([log] client_addresses, recipients).  Pure; any thread.
#pragma once

#include <string>
#include <vector>

#include "engine/event/privacy.h"
#include "engine/trace/search.h"

namespace sluice::cli {

// Whether a query has an address that `options` do not keep.
[[nodiscard]] bool has_hidden_address(const trace::Query& query, const event::PrivacyOptions& options);
// Each such address becomes what the trace has in its place; one that was copied from the log or the trace stays.
// What is returned are sentences for the operator.
std::vector<std::string> hide_addresses(trace::Query& query, const event::PrivacyOptions& options);

}  // namespace sluice::cli
