// Families as the text that Prometheus reads: its classic format (version 0.0.4), or OpenMetrics 1.0.  Names and help
// texts are ours; what stands in a label may come from anywhere, and is escaped: control characters as in the log, what
// is not UTF-8 as U+FFFD.  Pure; any thread.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "engine/metrics/family.h"

namespace sluice::metrics {

enum class Format : std::uint8_t { classic, open_metrics };

// What a header field Accept (RFC 9110 section 12.5.1) asks for: OpenMetrics where it names
// application/openmetrics-text, of version 1.0.0 or none, with a weight above 0 and no lower than that of text/plain;
// else classic.  Elements that cannot be read count for nothing.
[[nodiscard]] Format format_for(std::string_view accept);

[[nodiscard]] std::string_view content_type(Format format);

// Each name once.  Families without samples are left out.
[[nodiscard]] std::string expose(std::span<const Family> families, Format format);

}  // namespace sluice::metrics
