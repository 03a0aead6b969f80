#include "engine/server/stored_text.h"

#include <algorithm>

#include "engine/message/header_end.h"
#include "engine/spool/stored_content.h"

namespace sluice::server {
namespace {

// Content, in parts of any size: what is behind the header goes to the sketcher.
class BodyReader {
 public:
  // False: no more is needed.
  bool feed(std::string_view part) {
    part.remove_prefix(header_end_.take(part));
    part = part.substr(0, noticing::kSketchedBytesMax - fed_);
    fed_ += part.size();
    sketcher_.feed(part);
    return fed_ < noticing::kSketchedBytesMax;
  }
  [[nodiscard]] noticing::TextSketch finish() { return sketcher_.finish(); }

 private:
  message::HeaderEnd header_end_;
  std::size_t fed_ = 0;
  noticing::TextSketcher sketcher_;
};

}  // namespace

Task<noticing::TextSketch> sketch_of_stored(spool::Spool& spool, spool::QueueId id) {
  const auto message = co_await spool.read(id);
  if (!message) co_return noticing::TextSketch();
  BodyReader reader;
  for (spool::StoredContent content(spool, id, *message); !content.at_end();) {
    const auto part = co_await content.next();
    if (!part) co_return noticing::TextSketch();
    if (!reader.feed(part->view())) break;
  }
  co_return reader.finish();
}

std::string bytes_of_sketch(const noticing::TextSketch& sketch) {
  return std::string(sketch.bytes.begin(), sketch.bytes.end());
}

noticing::TextSketch sketch_of_bytes(std::string_view bytes) {
  noticing::TextSketch sketch;
  CHECK(bytes.size() == sketch.bytes.size());
  std::ranges::copy(bytes, sketch.bytes.begin());
  return sketch;
}

}  // namespace sluice::server
