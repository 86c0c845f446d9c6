// What check-programs runs node with: worker threads that build strings and objects, and compress.
'use strict';
const { Worker, isMainThread, parentPort, workerData } = require('worker_threads');
const crypto = require('crypto');
const zlib = require('zlib');

if (isMainThread) {
	const found = [];
	for (let i = 0; i < 4; i++) {
		const worker = new Worker(__filename, { workerData: i });
		worker.on('message', (text) => {
			found.push(text);
			if (found.length === 4)
				console.log(found.sort().join('\n'));
		});
	}
} else {
	const all = [];
	for (let i = 0; i < 20000; i++)
		all.push({ key: `k${i * 7 + workerData}`, list: [i, String(i).repeat(i % 30)] });
	const packed = zlib.gzipSync(JSON.stringify(all), { level: 6 });
	const text = zlib.gunzipSync(packed);
	parentPort.postMessage(`${workerData} ${crypto.createHash('sha256').update(text).digest('hex')}`);
}
