"""Looks at a copy in an S3-compatible store by boto3, which knows nothing of us: mirror.py ENDPOINT COMMAND …

make                     makes the bucket
wait SIZE                waits until the copy's checkpoint covers so many entries
fetch FOLDER             fetches every object of the demo log
flip NAME                changes a byte of an object
delete NAME              removes an object
empty                    fails unless there is no object at all
nothing NAME             fails if the bucket has such an object
is NAME SHA256           fails unless the object has this digest
"""
import hashlib
import pathlib
import sys
import time

import boto3
from botocore.exceptions import ClientError

endpoint, command, *rest = sys.argv[1:]
store = boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1", aws_access_key_id="outside", aws_secret_access_key="secret")
bucket, prefix = "audit", "outside.test/demo/1/"


def get(name):
    return store.get_object(Bucket=bucket, Key=prefix + name)["Body"].read()


if command == "make":
    store.create_bucket(Bucket=bucket)
elif command == "wait":
    for _ in range(600):
        try:
            size = int(get("checkpoint").decode().splitlines()[1])
        except ClientError:
            size = 0
        if size >= int(rest[0]):
            break
        time.sleep(0.1)
    else:
        sys.exit(f"FAILED: the copy has {size} entries, not {rest[0]}")
elif command == "fetch":
    folder, count = pathlib.Path(rest[0]), 0
    for page in store.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        for item in page.get("Contents", []):
            name = item["Key"].removeprefix(prefix)
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(get(name))
            count += 1
    print(f"{count} objects")
elif command == "flip":
    data = bytearray(get(rest[0]))
    data[len(data) // 2] ^= 1
    store.put_object(Bucket=bucket, Key=prefix + rest[0], Body=bytes(data))
    print(hashlib.sha256(data).hexdigest())
elif command == "delete":
    store.delete_object(Bucket=bucket, Key=prefix + rest[0])
elif command == "empty":
    if store.list_objects_v2(Bucket=bucket).get("KeyCount"):
        sys.exit("FAILED: something was put there")
elif command == "nothing":
    if store.list_objects_v2(Bucket=bucket, Prefix=rest[0]).get("KeyCount"):
        sys.exit(f"FAILED: {rest[0]} is there")
elif command == "is":
    if hashlib.sha256(get(rest[0])).hexdigest() != rest[1]:
        sys.exit(f"FAILED: {rest[0]} was written over")
else:
    sys.exit(__doc__)
