// Which fields are signed, in which order, and which once more than they are there.
#include "engine/dkim/signed_fields.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::dkim {
namespace {

struct Selected {
  std::string names;                // as in h=
  std::vector<std::string> fields;  // in the order of the hash
  bool has_from = false;
};

Selected select(std::string_view header) {
  const auto signed_fields = std::make_unique<SignedFields>();
  signed_fields->select(header);
  Selected selected{.has_from = signed_fields->has_from()};
  for (const std::string_view name : signed_fields->names())
    selected.names += (selected.names.empty() ? "" : ":") + std::string(name);
  for (const HeaderField* field : signed_fields->fields()) selected.fields.emplace_back(field->whole);
  return selected;
}

constexpr std::string_view kOversigned =
    "from:to:cc:subject:date:message-id:reply-to:mime-version:content-type:content-transfer-encoding";

TEST(DkimSignedFields, AnEmptyHeaderHasNothingButWhatMayNotBeAdded) {
  const Selected selected = select("");
  EXPECT_EQ(selected.names, kOversigned);
  EXPECT_TRUE(selected.fields.empty());
  EXPECT_FALSE(selected.has_from);
}

TEST(DkimSignedFields, WhatHopsAddIsNotSigned) {
  const Selected selected = select(
      "Received: by a\r\nReturn-Path: <a@b>\r\nAuthentication-Results: x\r\nDKIM-Signature: v=1\r\nX-Any: x\r\n"
      "Delivered-To: b\r\nFROM: a\r\n");
  EXPECT_EQ(selected.fields, (std::vector<std::string>{"FROM: a"}));
  EXPECT_EQ(selected.names, "from:" + std::string(kOversigned));
  EXPECT_TRUE(selected.has_from);
}

// RFC 6376 5.4.2: "A Signer choosing to sign an existing header field that occurs more than once in the message (such
// as Received) MUST sign the physically last instance of that header field in the header block", and then upwards.
TEST(DkimSignedFields, OfSeveralTheLastComesFirst) {
  const Selected selected =
      select("To: 1\r\nSubject: s\r\nto : 2\r\nReferences: 1\r\nFrom: a\r\nTO: 3\r\nReferences: 2\r\n");
  EXPECT_EQ(selected.fields, (std::vector<std::string>{"From: a", "TO: 3", "to : 2", "To: 1", "Subject: s",
                                                       "References: 2", "References: 1"}));
  EXPECT_EQ(selected.names,
            "from:from:to:to:to:to:cc:subject:subject:date:message-id:reply-to:mime-version:content-type:"
            "content-transfer-encoding:references:references");
}

// RFC 8058 4: "The message MUST have a valid DKIM signature covering both."
TEST(DkimSignedFields, OneClickUnsubscribeIsCovered) {
  const Selected selected =
      select("List-Unsubscribe: <https://a>\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\nList-Id: <a>\r\n");
  EXPECT_EQ(selected.names, std::string(kOversigned) + ":list-id:list-unsubscribe:list-unsubscribe-post");
  EXPECT_EQ(selected.fields.size(), 3);
}

TEST(DkimSignedFields, TheirNumberIsBounded) {
  std::string header = "From: a\r\n";
  for (int i = 0; i < 50'000; ++i) header += "To: " + std::to_string(i) + "\r\nX-" + std::to_string(i) + ": x\r\n";
  const Selected selected = select(header);
  ASSERT_EQ(selected.fields.size(), 1 + kFieldsOfANameMax);
  EXPECT_EQ(selected.fields[1], "To: 49999");
  EXPECT_EQ(selected.fields.back(), "To: " + std::to_string(50'000 - kFieldsOfANameMax));
  // To is named as often as it is hashed: once more would be the next one.
  std::string names = "from:from";
  for (std::size_t i = 0; i < kFieldsOfANameMax; ++i) names += ":to";
  EXPECT_TRUE(selected.names.starts_with(names + ":cc:")) << selected.names;
}

TEST(DkimSignedFields, ANameThatOnlyBeginsAlikeIsAnother) {
  EXPECT_TRUE(
      select("Fromm: a\r\nTox: b\r\nToo: c\r\nFro: d\r\nCcc: e\r\nContent-Typf: f\r\nDatf: g\r\n").fields.empty());
}

}  // namespace
}  // namespace sluice::dkim
