// SPDX-License-Identifier: Apache-2.0
// What test_s3_clients.py does with @aws-sdk: node s3_upload.mjs URL BUCKET SOURCE TARGET
import { createReadStream, createWriteStream } from "node:fs";
import { createRequire } from "node:module";
import { pipeline } from "node:stream/promises";

const require = createRequire(process.env.NODE_MODULES + "/x.js");
const { S3Client, CreateBucketCommand, GetObjectCommand, PutObjectCommand, ListObjectsV2Command, DeleteObjectsCommand } =
	require("@aws-sdk/client-s3");
const { Upload } = require("@aws-sdk/lib-storage");
const { getSignedUrl } = require("@aws-sdk/s3-request-presigner");

const [url, Bucket, source, target] = process.argv.slice(2);
const client = new S3Client({
	endpoint: url, region: "us-east-1", credentials: { accessKeyId: "test", secretAccessKey: "test" },
	maxAttempts: 1,
});

await client.send(new CreateBucketCommand({ Bucket }));
// in parts, with the check sums that the SDK sends of its own
const done = await new Upload({ client, params: { Bucket, Key: "parts", Body: createReadStream(source) }, queueSize: 4 }).done();
const got = await client.send(new GetObjectCommand({ Bucket, Key: "parts" }));
await pipeline(got.Body, createWriteStream(target));
// at once, as a stream: chunks with a trailer
const body = "one small body ".repeat(1000);
await client.send(new PutObjectCommand({ Bucket, Key: "small", Body: body, ContentType: "text/plain" }));
const small = await (await client.send(new GetObjectCommand({ Bucket, Key: "small" }))).Body.transformToString();
const signed = await getSignedUrl(client, new GetObjectCommand({ Bucket, Key: "small" }), { expiresIn: 60 });
const fetched = await (await fetch(signed)).text();
const list = await client.send(new ListObjectsV2Command({ Bucket }));
const gone = await client.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects: [{ Key: "small" }] } }));
console.log(JSON.stringify({
	etag: done.ETag, checksum: done.ChecksumCRC32 ?? done.ChecksumCRC64NVME ?? null, small: small === body,
	signed: fetched === body, keys: list.Contents.map((o) => o.Key), deleted: gone.Deleted.map((o) => o.Key),
}));
