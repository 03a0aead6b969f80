// Checks of what is made of a signature that a message comes with, for any header: nothing crashes, and what is called
// broken is named, and why, by clean text of a bounded length.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "engine/base/check.h"
#include "engine/signing/senders_signature.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sluice;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  signing::ContentToSign content(message::BodyForm::literal, {.simple = true, .relaxed = true});
  content.feed(input);
  content.feed("\r\n\r\n");
  content.finish();
  for (const auto form : {dkim::Canonicalization::simple, dkim::Canonicalization::relaxed}) {
    const auto broken = signing::find_broken_signature(content, "example.com", form);
    if (!broken) continue;
    CHECK(broken->selector.size() <= 63);
    CHECK(!broken->fault.empty() && broken->fault.size() < 100);
    CHECK(std::ranges::all_of(broken->selector + broken->fault, [](char c) { return c >= ' ' && c <= '~'; }));
  }
  return 0;
}
