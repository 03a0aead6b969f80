#include "engine/signing/content_to_sign.h"

#include <algorithm>

namespace sluice::signing {

void ContentToSign::feed(std::string_view bytes) {
  constexpr std::string_view kEnd = "\r\n\r\n";
  if (in_body_) {
    body_.feed(bytes);
    return;
  }
  const std::size_t before = header_.size();
  header_.append(bytes);
  // The end may have begun in what was there; a message without any field begins with it.
  std::size_t size = header_.starts_with("\r\n") ? 2 : header_.find(kEnd, before - std::min(before, kEnd.size() - 1));
  if (size == std::string::npos) return;
  if (size != 2) size += kEnd.size();
  in_body_ = true;
  header_.resize(size);
  body_.feed(bytes.substr(size - std::min(size, before)));
}

}  // namespace sluice::signing
