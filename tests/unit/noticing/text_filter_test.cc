#include "policy/noticing/text_filter.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <string>
#include <string_view>

namespace sluice::noticing {
namespace {

std::string filtered(std::string_view text, std::size_t piece) {
  TextFilter filter;
  std::string kept(text.size() + TextFilter::kSlackBytes, '\0');
  std::size_t size = 0;
  for (std::size_t at = 0; at < text.size(); at += piece) {
    std::string_view rest = text.substr(at, piece);
    size += filter.keep(rest, kept.data() + size, text.size() - size);
    EXPECT_EQ(rest, "");
  }
  return kept.substr(0, size);
}

TEST(TextFilterTest, TagsGoAndTextStays) {
  struct Case {
    std::string_view text;
    std::string_view kept;
  };
  for (const Case& each : {Case{"plain", "plain"}, Case{"<b>bold</b>er", "bolder"}, Case{"a < b", "a  b"},
                           Case{"1<2", "12"}, Case{"<!-- no -->yes", "yes"}, Case{"<?xml?>yes", "yes"},
                           Case{"<style>no</style>yes", "yes"}, Case{"<STYLE a=\"b\">no<p>no</Style >yes", "yes"},
                           Case{"<script>no</script>yes", "yes"}, Case{"<strong>yes</strong>", "yes"},
                           Case{"<styles>yes", "yes"}, Case{"Tim <tim@example.com>, yes", "Tim , yes"},
                           Case{"<a href=\"/s\">yes</a>", "yes"}, Case{"<", ""}, Case{"<b", ""}, Case{"<style", ""}}) {
    for (std::size_t piece = 1; piece <= each.text.size(); ++piece)
      EXPECT_EQ(filtered(each.text, piece), each.kept) << each.text << " in pieces of " << piece;
  }
}

TEST(TextFilterTest, ATagThatDoesNotEndHidesAThousandBytes) {
  const std::string text = "a<b" + std::string(5000, 'x');
  const std::string kept = filtered(text, text.size());
  EXPECT_GE(kept.size(), 4000U);
  EXPECT_LT(kept.size(), 4100U);
  EXPECT_EQ(filtered(text, 1), kept);
}

}  // namespace
}  // namespace sluice::noticing
