// Starts @firestore-emulator/server on loopback: node firestore_server.js <package> <port>
const [, , folder, port] = process.argv;
const grpc = require(require.resolve("@grpc/grpc-js", { paths: [folder] }));
const { FirestoreServer, FirestoreState, FirestoreStateCollection, FirestoreStateDocument } = require(folder);

// It would listen on all addresses.
const bind = grpc.Server.prototype.bindAsync;
grpc.Server.prototype.bindAsync = function (at, ...rest) {
  return bind.call(this, at.replace("0.0.0.0", "127.0.0.1"), ...rest);
};

// It copies its list of a collection's documents for each new one, and sorts all of a collection for each query, which
// takes seconds of 50,000. So the list is added to, and a query gets the documents that one of its conditions leaves.
FirestoreStateCollection.prototype.getDocument = function (name) {
  this.documents[name] ??= new FirestoreStateDocument(this.emitter, this.database, this, name, {}, {});
  return this.documents[name];
};

const query = FirestoreState.prototype.v1Query;
FirestoreState.prototype.v1Query = function (parent, asked) {
  const condition = equality(asked);
  if (!condition) return query.call(this, parent, asked);
  const collection = this.getCollection(`${parent}/${asked.from[0].collection_id}`);
  const all = collection.documents;
  const holds = ([, document]) => document.getField(condition.field)?.value === condition.value;
  collection.documents = Object.fromEntries(Object.entries(all).filter(holds));
  try {
    return query.call(this, parent, asked);
  } finally {
    collection.documents = all;
  }
};

// The first condition that a field equals a text, where all conditions must hold.
function equality({ has_where, where, from }) {
  const [AND, EQUAL] = [1, 5];
  if (!has_where || from.length !== 1) return undefined;
  const { has_composite_filter, composite_filter, field_filter } = where;
  if (has_composite_filter && composite_filter.op !== AND) return undefined;
  const filters = has_composite_filter ? composite_filter.filters.map(each => each.field_filter) : [field_filter];
  const found = filters.find(each => each && each.op === EQUAL && each.value.has_string_value);
  return found && { field: found.field.field_path, value: found.value.string_value };
}

// It dates writes by the millisecond, and takes no notice of the precondition that a document was last updated at a
// time. So each write of a document is later than the one before, and the precondition is looked at.
const [ALREADY_EXISTS, FAILED_PRECONDITION] = [6, 9];
const write = FirestoreState.prototype.writeV1Document;
FirestoreState.prototype.writeV1Document = function (date, asked) {
  const { metadata } = this.getDocument(asked.has_delete ? asked.delete : asked.update.name);
  const last = metadata.hasExist ? metadata.updatedAt.getTime() : -Infinity;
  const at = new Date(Math.max(date.getTime(), last + 1));
  if (!asked.has_current_document || !asked.current_document.has_update_time) return write.call(this, at, asked);
  const { seconds, nanos } = asked.current_document.update_time;
  // It knows the other precondition: that the document exists, or does not.
  asked.current_document.exists = !metadata.hasExist || last === seconds * 1000 + nanos / 1e6;
  try {
    return write.call(this, at, asked);
  } catch (error) {
    if (error.code === ALREADY_EXISTS) error.code = FAILED_PRECONDITION;
    throw error;
  }
};

new FirestoreServer().start(Number(port));
