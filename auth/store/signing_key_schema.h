// The tables of signing keys, and who has them sign: entries of store_schema.cc, as never changed as the others.
#pragma once

#include "auth/store/database.h"

namespace sluice::auth {

inline constexpr Sql kSigningKeyTables{
    R"sql(
-- Keys with which a domain's mail is signed (signing_key_admin.h).
CREATE TABLE signing_key (
  domain TEXT NOT NULL REFERENCES domain (name) ON DELETE CASCADE,
  selector TEXT NOT NULL,                                         -- lower case
  algorithm TEXT NOT NULL CHECK (algorithm IN ('rsa-sha256', 'ed25519-sha256')),
  state TEXT NOT NULL CHECK (state IN ('published', 'active', 'retired', 'revoked')),
  since_ms INTEGER NOT NULL,                                      -- of the state; it may be still to come
  created_ms INTEGER NOT NULL,
  public_key TEXT NOT NULL,                                       -- base64, as in p=
  private_key TEXT NOT NULL,                                      -- base64 of DER, or sealed; '' once it is revoked
  sealed INTEGER NOT NULL CHECK (sealed IN (0, 1)),
  PRIMARY KEY (domain, selector)
) STRICT, WITHOUT ROWID;
)sql",
    R"sql(
-- What is shared over a network is sealed, always.
CREATE TABLE signing_key (
  domain TEXT COLLATE "C" NOT NULL REFERENCES domain (name) ON DELETE CASCADE,
  selector TEXT COLLATE "C" NOT NULL,
  algorithm TEXT COLLATE "C" NOT NULL CHECK (algorithm IN ('rsa-sha256', 'ed25519-sha256')),
  state TEXT COLLATE "C" NOT NULL CHECK (state IN ('published', 'active', 'retired', 'revoked')),
  since_ms BIGINT NOT NULL,
  created_ms BIGINT NOT NULL,
  public_key TEXT COLLATE "C" NOT NULL,
  private_key TEXT COLLATE "C" NOT NULL,
  sealed BIGINT NOT NULL CHECK (sealed = 1 OR private_key = ''),
  PRIMARY KEY (domain, selector)
);
)sql"};

// The entry after kDomainStateTables.
inline constexpr Sql kSigningKeyFitColumns{
    R"sql(
-- What checks of a key's record have found (KeyFit); not a change of the domain's keys.
ALTER TABLE signing_key ADD COLUMN wrong_since_ms INTEGER NOT NULL DEFAULT 0;  -- 0: it was right, or not asked for
ALTER TABLE signing_key ADD COLUMN kept_back INTEGER NOT NULL DEFAULT 0 CHECK (kept_back IN (0, 1));
CREATE INDEX signing_key_kept_back ON signing_key (domain) WHERE kept_back = 1;
)sql",
    R"sql(
ALTER TABLE signing_key ADD COLUMN wrong_since_ms BIGINT NOT NULL DEFAULT 0,
  ADD COLUMN kept_back BIGINT NOT NULL DEFAULT 0 CHECK (kept_back IN (0, 1));
CREATE INDEX signing_key_kept_back ON signing_key (domain) WHERE kept_back = 1;
)sql"};

// Which of its domains signs a customer's mail where its author's has no keys; '': none.  No change of accounts.
inline constexpr Sql kSigningDomainColumn{
    "ALTER TABLE customer ADD COLUMN sign_as TEXT NOT NULL DEFAULT '';",
    "ALTER TABLE customer ADD COLUMN sign_as TEXT COLLATE \"C\" NOT NULL DEFAULT '';"};

}  // namespace sluice::auth
