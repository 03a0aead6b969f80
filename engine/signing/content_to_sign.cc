#include "engine/signing/content_to_sign.h"

namespace sluice::signing {

void ContentToSign::feed(std::string_view bytes) {
  const std::size_t of_header = end_.take(bytes);
  header_.append(bytes.substr(0, of_header));
  if (!body_is_known_) body_.feed(bytes.substr(of_header));
}

void ContentToSign::finish() {
  if (body_is_known_) return;
  body_.finish();
  digests_ = body_.digests();
}

}  // namespace sluice::signing
