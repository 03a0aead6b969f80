// Lists of tags: what is read of them, and what makes one invalid.
#include "engine/base/tag_list.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace sluice {
namespace {

std::string written(const TagList& tags) {
  std::string text;
  for (const Tag& tag : tags.all()) text += std::string(tag.name) + "=" + std::string(tag.value) + ";";
  return text;
}

TEST(TagListTest, TagsAreReadWithoutTheWhiteSpaceAroundThem) {
  const TagList tags(" v =\tDKIM1 ;\r\n p= AA\r\n BB= ; x_1=;");
  EXPECT_EQ(tags.fault(), "");
  EXPECT_EQ(written(tags), "v=DKIM1;p=AA\r\n BB=;x_1=;");
  ASSERT_NE(tags.find("p"), nullptr);
  EXPECT_EQ(without_white_space(tags.find("p")->value), "AABB=");
  EXPECT_EQ(tags.find("V"), nullptr);
  for (const std::string_view empty : {"", "  ", "\r\n\t"})
    EXPECT_EQ(TagList(empty).fault() + written(TagList(empty)), "");
}

TEST(TagListTest, OfAnInvalidListTheRestIsReadAndTheFirstFaultTold) {
  const TagList twice("a=1; b=2; a=3; ; c=4");
  EXPECT_EQ(twice.fault(), "the tag a= is there twice");
  EXPECT_EQ(written(twice), "a=1;b=2;c=4;");
  EXPECT_EQ(TagList("a=1;; b=2").fault(), "\"\" is no tag: it has no \"=\"");
  for (const std::string name : {"", "1a", "_a", "a-b", "a b", "\xc3\xa9"})
    EXPECT_EQ(TagList(name + "=x").fault(), "\"" + name + "\" is not what a tag can be called");
  EXPECT_LT(TagList(std::string(1000, '-') + "=x").fault().size(), 100);
  EXPECT_LT(TagList(std::string(1000, '-')).fault().size(), 100);
}

TEST(TagListTest, TheirNumberHasABound) {
  std::string text;
  for (std::size_t i = 0; i < kTagsMax; ++i) text += "t" + std::to_string(i) + "=x;";
  EXPECT_EQ(TagList(text).fault(), "");
  const std::string longer = text + "y=z;" + text;
  const TagList more(longer);
  EXPECT_EQ(more.fault(), "it has more than 64 tags");
  EXPECT_EQ(written(more), text);
}

TEST(TagListTest, AValueHasParts) {
  EXPECT_EQ(value_parts(" a : b:: c"), (std::vector<std::string_view>{"a", "b", "", "c"}));
  EXPECT_EQ(value_parts(""), std::vector<std::string_view>{""});
}

}  // namespace
}  // namespace sluice
