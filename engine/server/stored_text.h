// The text of a message in the spool, as a sketch by which others with that text are found, whatever words in it vary
// (policy/noticing/text_sketch.h).
// The core's thread.
#pragma once

#include <string>
#include <string_view>

#include "engine/spool/spool.h"
#include "policy/noticing/text_sketch.h"

namespace sluice::server {

// Reads the header and the first kSketchedBytesMax behind it.  Empty where that cannot be read: a delivery attempt
// finds out, and quarantines the message.
Task<noticing::TextSketch> sketch_of_stored(spool::Spool& spool, spool::QueueId id);

// As they go from core to core.
[[nodiscard]] std::string bytes_of_sketch(const noticing::TextSketch& sketch);
[[nodiscard]] noticing::TextSketch sketch_of_bytes(std::string_view bytes);

}  // namespace sluice::server
